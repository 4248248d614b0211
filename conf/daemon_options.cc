// conf/daemon_options.cc: the keys of tiderelay.yaml.
#include <arpa/inet.h>

#include "conf/endpoint_options.h"
#include "conf/file_options.h"
#include "conf/words.h"

namespace tiderelay::conf {

template <>
struct Value<FreeSpace> : ScalarValue {
  static std::string type() { return "size or percent"; }
  static std::string show(const FreeSpace& value) {
    return value.percent != 0 ? std::to_string(value.percent) + "%" : to_text(value.size);
  }
  static void read(Reader& reader, const Option& option, const YamlNode& node, FreeSpace& into) {
    if (!node.text.ends_with('%')) return Value<ByteSize>::read(reader, option, node, into.size);
    const Result<std::uint64_t> percent =
        parse_unsigned(std::string_view(node.text).substr(0, node.text.size() - 1));
    if (!percent || *percent > 99) return reader.refuse_type(node, "a size, or 0% to 99%");
    into.percent = static_cast<std::uint32_t>(*percent);
  }
};

namespace {

bool is_network(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  in_addr v4{};
  in6_addr v6{};
  std::uint64_t bits_max = 0;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    bits_max = 32;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) {
    bits_max = 128;
  } else {
    return false;
  }
  if (slash == std::string::npos) return true;
  const Result<std::uint64_t> bits = parse_unsigned(text.substr(slash + 1));
  return bits && *bits <= bits_max;
}

void check_user(Reader& reader, const YamlNode& map, RelayUser& user) {
  check_one_password(reader, map);
  const YamlNode* networks = map.find("networks");
  if (networks != nullptr && networks->items.size() == user.networks.size()) {
    for (std::size_t i = 0; i < user.networks.size(); ++i) {
      if (is_network(user.networks[i])) continue;
      reader.refuse_type(networks->items[i], "a network such as 10.0.0.0/8 or fd00::/8");
    }
  }
}

void check_api(Reader& reader, const YamlNode& map, ApiConfig& api) {
  if (!api.tokens_file.empty()) api.tokens_file = reader.beside(api.tokens_file);
  if (api.listen.loopback()) return;
  if (api.tls.has_cert() && !api.tokens_file.empty()) return;
  reader.refuse(map, "listens on " + api.listen.text() +
                         ", beyond loopback: that needs tls (ssl-cert, ssl-key) and tokens-file; "
                         "or listen on 127.0.0.1");
}

}  // namespace

const OptionTable<ApiConfig>& option_table(Tag<ApiConfig>) {
  static const auto kTable =
      OptionTable<ApiConfig>()
          .field<&ApiConfig::listen>("listen", "address of the HTTP API and the status page")
          .field<&ApiConfig::tls>("tls", "TLS of the API; needed beyond loopback")
          .field<&ApiConfig::tokens_file>("tokens-file",
                                          "file with the tokens that may use the API, one a line")
          .after(check_api);
  return kTable;
}

const OptionTable<RelayUser>& option_table(Tag<RelayUser>) {
  static const auto kTable = [] {
    OptionTable<RelayUser> table;
    table.field<&RelayUser::name>("name", "the account's name").required();
    with_password(table);
    table.field<&RelayUser::sources>("sources", "ids of the sources that it may read; none: all")
        .field<&RelayUser::networks>("networks", "from where it may come; none: anywhere")
        .field<&RelayUser::require_tls>("require-tls", "refuse it without TLS")
        .after(check_user);
    return table;
  }();
  return kTable;
}

const OptionTable<RelayPort>& option_table(Tag<RelayPort>) {
  static const auto kTable =
      OptionTable<RelayPort>()
          .field<&RelayPort::source>("source-id", "id of the source")
          .required()
          .field<&RelayPort::listen>("listen", "address where it alone is served")
          .required();
  return kTable;
}

const OptionTable<RelayServerConfig>& option_table(Tag<RelayServerConfig>) {
  static const auto kTable =
      OptionTable<RelayServerConfig>()
          .field<&RelayServerConfig::listen>("listen", "address of the relay server")
          .required()
          .field<&RelayServerConfig::tls>(
              "tls", "its certificate (none: one of its own making); ssl-ca: clients must have one")
          .field<&RelayServerConfig::users>("users", "who may read relay logs")
          .field<&RelayServerConfig::ports>(
              "ports", "addresses of single sources, for clients that cannot say which they want")
          .field<&RelayServerConfig::semi_sync>("semi-sync",
                                                "offer semi-synchronous replication to followers");
  return kTable;
}

const OptionTable<HopAccept>& option_table(Tag<HopAccept>) {
  static const auto kTable = OptionTable<HopAccept>()
                                 .field<&HopAccept::listen>("listen", "address to wait at")
                                 .required()
                                 .field<&HopAccept::tls>("tls", "TLS of the link");
  return kTable;
}

const OptionTable<HopDial>& option_table(Tag<HopDial>) {
  static const auto kTable =
      OptionTable<HopDial>()
          .field<&HopDial::to>("to", "address that waits on the other side")
          .required()
          .field<&HopDial::serve>("serve", "ids of the sources that it may read; none: all")
          .field<&HopDial::tls>("tls", "TLS of the link");
  return kTable;
}

const OptionTable<HopsConfig>& option_table(Tag<HopsConfig>) {
  static const auto kTable =
      OptionTable<HopsConfig>()
          .field<&HopsConfig::accept>("accept", "the target's side waits")
          .field<&HopsConfig::dial>("dial", "the source's side dials out and is then read from");
  return kTable;
}

const OptionTable<RetainConfig>& option_table(Tag<RetainConfig>) {
  static const auto kTable =
      OptionTable<RetainConfig>()
          .field<&RetainConfig::age>("age", "files older than this go; 0: not by age")
          .field<&RetainConfig::size>("size", "the oldest go above this size; 0: not by size")
          .field<&RetainConfig::free_space>("free-space", "the oldest go while less is free")
          .field<&RetainConfig::followers>(
              "followers",
              "beyond these limits so much is kept for followers that have registered; 0: nothing")
          .field<&RetainConfig::followers_absent>(
              "followers-absent",
              "a follower that was away for longer keeps nothing any more; 0: it always does");
  return kTable;
}

const OptionTable<RelayConfig>& option_table(Tag<RelayConfig>) {
  static const auto kTable =
      OptionTable<RelayConfig>()
          .field<&RelayConfig::retain>("retain",
                                       "what is removed; never what an applier still needs")
          .field<&RelayConfig::compress_sealed>("compress-sealed", "compress finished files")
          .field<&RelayConfig::sync>("sync",
                                     "group: one fdatasync covers what came during the last one")
          .field<&RelayConfig::semi_sync>(
              "semi-sync", "acknowledge to sources with semi-sync on; only what is synced")
          .field<&RelayConfig::semi_sync_followers>(
              "semi-sync-followers",
              "acknowledge only what so many followers have acknowledged (relay-server.semi-sync)")
          .field<&RelayConfig::memory_budget>("memory-budget", "memory of one source's relay");
  return kTable;
}

namespace {

// A file name, or a map that stands inline.
template <class Config, Config (*Read)(Reader&, const YamlNode&),
          Result<Config> (*Parse)(std::string_view, const std::string&, const FileAccess&,
                                  std::vector<Problem>*)>
void read_files(Reader& reader, const YamlNode& node, std::vector<Config>& into) {
  if (node.kind != YamlNode::Kind::kList) {
    return reader.refuse_type(node, "a list of file names or maps");
  }
  for (const YamlNode& item : node.items) {
    if (item.kind == YamlNode::Kind::kMap) {
      into.push_back(Read(reader, item));
      continue;
    }
    if (item.kind != YamlNode::Kind::kScalar) {
      reader.refuse_type(item, "a file name or a map");
      continue;
    }
    const std::size_t problems_before = reader.problems().size();
    const std::string yaml = reader.read_named_file(item);
    if (reader.problems().size() != problems_before) continue;
    std::vector<Problem> problems;
    Result<Config> config = Parse(yaml, reader.beside(item.text), reader.access(), &problems);
    reader.problems().insert(reader.problems().end(), problems.begin(), problems.end());
    if (config) into.push_back(std::move(*config));
  }
}

void read_sources(Reader& reader, const Option& /*option*/, const YamlNode& node,
                  DaemonConfig& into) {
  read_files<SourceConfig, read_source, parse_source>(reader, node, into.sources);
}

void read_tasks(Reader& reader, const Option& /*option*/, const YamlNode& node,
                DaemonConfig& into) {
  read_files<TaskConfig, read_task, parse_task>(reader, node, into.tasks);
}

}  // namespace

const OptionTable<DaemonConfig>& option_table(Tag<DaemonConfig>) {
  static const auto kTable =
      OptionTable<DaemonConfig>()
          .field<&DaemonConfig::data_dir>("data-dir", "relay logs, indexes, tasks; keep it")
          .field<&DaemonConfig::secret_key_path>("secret-key-path",
                                                 "file with the key of cipher texts, 64 hex digits")
          .field<&DaemonConfig::log_level>("log-level", "least important lines that are logged")
          .field<&DaemonConfig::log_format>("log-format", "form of the log's lines")
          .field<&DaemonConfig::log_file>("log-file", "where the log goes")
          .default_text("stderr")
          .field<&DaemonConfig::api>("api", "HTTP API, metrics, status page")
          .custom<std::vector<std::string>>("sources", "source files, or inline", read_sources)
          .custom<std::vector<std::string>>("tasks", "task files, or inline", read_tasks)
          .field<&DaemonConfig::relay_server>("relay-server",
                                              "serves relay logs to replicas, mysqlbinlog, hops")
          .field<&DaemonConfig::hops>("hops", "for networks where only one side may dial")
          .field<&DaemonConfig::relay>("relay", "how relay logs are kept");
  return kTable;
}

std::vector<FileOptions> all_options() {
  return {
      {"tiderelay.yaml", "the daemon: `tiderelay serve --config tiderelay.yaml`",
       &option_table(Tag<DaemonConfig>()).section()},
      {"source file", "one per upstream server; DM's source files are taken as they are",
       &option_table(Tag<SourceConfig>()).section()},
      {"task file", "what goes where; DM's task files of 2019 and later are taken as they are",
       &task_section()},
  };
}

}  // namespace tiderelay::conf
