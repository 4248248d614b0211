// conf/source_config.cc: the keys of a source file.
#include "conf/source_config.h"

#include <algorithm>

#include "conf/file_options.h"
#include "conf/rule_options.h"
#include "conf/words.h"

namespace tiderelay::conf {

constexpr std::size_t kSourceIdBytesMax = 32;
constexpr std::uint32_t kDmEmptySourceId = 20005;
constexpr std::uint32_t kDmLongSourceId = 20006;
constexpr std::uint32_t kDmBadBackoff = 20043;

static const OptionTable<PurgeConfig>& option_table(Tag<PurgeConfig>) {
  static const auto kTable =
      OptionTable<PurgeConfig>()
          .field<&PurgeConfig::interval>("interval",
                                         "how often old files are looked for; a number is seconds")
          .plain_unit(1000)
          .field<&PurgeConfig::expires>("expires",
                                        "files older than this go; a number is hours, 0: none")
          .plain_unit(3'600'000)
          .field<&PurgeConfig::remain_space>(
              "remain-space", "the oldest go while less than this is free; a number is GiB")
          .plain_unit(std::uint64_t{1} << 30U)
          .no_effect("say relay.retain.free-space in tiderelay.yaml");
  return kTable;
}

static constexpr const char* kByClass =
    "errors that may pass are retried by their class, with pauses from 1s to 30s";

static const OptionTable<CheckerConfig>& option_table(Tag<CheckerConfig>) {
  static const auto kTable =
      OptionTable<CheckerConfig>()
          .field<&CheckerConfig::check_enable>("check-enable",
                                               "resume by itself after errors that may pass")
          .no_effect(kByClass)
          .field<&CheckerConfig::backoff_rollback>(
              "backoff-rollback", "after this long without an error the pauses get shorter again")
          .no_effect(kByClass)
          .field<&CheckerConfig::backoff_max>("backoff-max", "longest pause between two tries")
          .no_effect(kByClass)
          .after([](Reader& reader, const YamlNode& map, CheckerConfig& checker) {
            if (checker.backoff_max >= std::chrono::seconds(1)) return;
            const YamlNode* at = map.find("backoff-max");
            reader.refuse(at == nullptr ? map : *at, "the shortest pause is 1s", kDmBadBackoff);
          });
  return kTable;
}

static void check_source(Reader& reader, const YamlNode& map, SourceConfig& source) {
  const auto at = [&map](std::string_view key) -> const YamlNode& {
    const YamlNode* node = map.find(key);
    return node == nullptr ? map : *node;
  };
  if (map.find("source-id") != nullptr && source.source_id.empty()) {
    reader.refuse(at("source-id"), "is empty", kDmEmptySourceId);
  }
  check_name(reader, at("source-id"), source.source_id);
  if (source.source_id.size() > kSourceIdBytesMax) {
    reader.refuse(at("source-id"), "is longer than 32 bytes", kDmLongSourceId);
  }
  if (source.source_id.find_first_of("/\\") != std::string::npos ||
      source.source_id.starts_with('.')) {
    reader.refuse(at("source-id"), "names a folder, so it may not begin with . or contain / or \\");
  }
  if (!source.relay_binlog_name.empty() && !looks_like_binlog_name(source.relay_binlog_name)) {
    reader.refuse(at("relay-binlog-name"), "wants a name such as mysql-bin.000003");
  }
  if (!source.relay_binlog_gtid.empty() && !looks_like_gtid_set(source.relay_binlog_gtid)) {
    reader.refuse(at("relay-binlog-gtid"), "is no GTID set");
  }
  const YamlNode* filters = map.find("filters");
  if (filters == nullptr || filters->items.size() != source.filters.size()) return;
  const std::size_t problems_before = reader.problems().size();
  for (std::size_t i = 0; i < source.filters.size(); ++i) {
    source.filters[i].name = source.source_id + " filters[" + std::to_string(i) + "]";
    check_filter(reader, filters->items[i], source.filters[i], source.case_sensitive);
  }
  if (reader.problems().size() != problems_before) return;
  const auto all = applier::EventFilter::make(source.filters, source.case_sensitive);
  if (!all) reader.refuse(*filters, all.error().text());
}

static const char* const kInDaemonFile = "set once for the process, in tiderelay.yaml";

const OptionTable<SourceConfig>& option_table(Tag<SourceConfig>) {
  static const auto kTable =
      OptionTable<SourceConfig>()
          .field<&SourceConfig::source_id>("source-id", "the source's name, up to 32 bytes")
          .required()
          .dm_code(kDmEmptySourceId)
          .field<&SourceConfig::enable>("enable", "false: its tasks stay stopped")
          .no_effect("stop its tasks by their names")
          .field<&SourceConfig::enable_gtid>(
              "enable-gtid", "positions by GTID; used for safety wherever the source has them")
          .no_effect("GTIDs are used wherever the source has them")
          .field<&SourceConfig::from>("from", "the source's server")
          .required()
          .field<&SourceConfig::flavor>("flavor", "kind of server")
          .default_text("detected")
          .no_effect("the server says what it is")
          .field<&SourceConfig::server_id>("server-id", "own identity as a replica of the source")
          .default_text("random")
          .custom<bool>(
              "enable-relay", "keep a local relay log",
              [](Reader& reader, const Option& option, const YamlNode& node, SourceConfig&) {
                bool enabled = true;
                Value<bool>::read(reader, option, node, enabled);
                if (!enabled) {
                  reader.note(node, Verdict::kNoEffect,
                              "the relay log is how tiderelay reads a source; it is "
                              "always kept");
                }
              })
          .default_text("true")
          .field<&SourceConfig::relay_dir>("relay-dir", "folder of the relay log")
          .default_text("<data-dir>/sources/<source-id>/relay")
          .no_effect("it always lies there; data-dir names the disk")
          .field<&SourceConfig::relay_binlog_name>("relay-binlog-name",
                                                   "first file of an empty relay log")
          .field<&SourceConfig::relay_binlog_gtid>("relay-binlog-gtid",
                                                   "GTID set at which an empty relay log begins")
          .field<&SourceConfig::purge>("purge", "what is removed from the relay log")
          .field<&SourceConfig::checker>("checker", "resuming by itself")
          .field<&SourceConfig::case_sensitive>("case-sensitive",
                                                "patterns match exactly; ORed with the task's")
          .field<&SourceConfig::filters>("filters",
                                         "event filters of every task that reads this source")
          .ignored<bool>("auto-fix-gtid", "", "GTID sets are exact, there is nothing to fix")
          .ignored<std::string>("meta-dir", "", "positions live in the relay log and the target")
          .ignored<std::string>("charset", "", "the charset comes from each event")
          .ignored<std::map<std::string, std::string>>("tracer", "", "there is no tracer")
          .ignored<std::string>("worker-addr", "of DM 1.0's worker",
                                "there are no worker processes")
          .ignored<std::string>("log-level", "of DM 1.0's worker", kInDaemonFile)
          .ignored<std::string>("log-file", "of DM 1.0's worker", kInDaemonFile)
          .ignored<std::string>("log-rotate", "of DM 1.0's worker", kInDaemonFile)
          .after(check_source);
  return kTable;
}

void check_name(Reader& reader, const YamlNode& node, const std::string& name) {
  const bool control = std::ranges::any_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) reader.refuse(node, "has a control character");
  if (name.size() > kNameBytesMax) {
    reader.refuse(node, "is longer than " + std::to_string(kNameBytesMax) + " bytes");
  }
}

SourceConfig read_source(Reader& reader, const YamlNode& root) {
  SourceConfig source;
  if (root.find("mysql-instances") != nullptr) {
    reader.refuse(root, "this is a task file; a source file is wanted here");
    return source;
  }
  option_table(Tag<SourceConfig>()).read(reader, root, source);
  return source;
}

Result<SourceConfig> parse_source(std::string_view yaml, const std::string& file,
                                  const FileAccess& access, std::vector<Problem>* problems) {
  return read_file<SourceConfig>(yaml, file, access, problems, read_source);
}

Result<SourceConfig> load_source(const std::string& path, const FileAccess& access) {
  const Result<std::string> yaml = access.read_file(path);
  if (!yaml) return yaml.error();
  return parse_source(*yaml, path, access);
}

bool looks_like_binlog_name(std::string_view text) {
  const std::size_t dot = text.rfind('.');
  if (dot == 0 || dot == std::string_view::npos || dot + 1 == text.size()) return false;
  return std::ranges::all_of(text.substr(dot + 1), [](char c) { return c >= '0' && c <= '9'; }) &&
         text.find('/') == std::string_view::npos;
}

// Characters and separators only: what the numbers mean is for who reads the log.
bool looks_like_gtid_set(std::string_view text) {
  bool member = false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    begin = end + 1;
    while (!part.empty() && (part.front() == ' ' || part.front() == '\n')) part.remove_prefix(1);
    while (!part.empty() && (part.back() == ' ' || part.back() == '\n')) part.remove_suffix(1);
    if (part.empty()) continue;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto is_of_gtid = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c == '-' || c == ':' || c == '_';
    };
    if (!std::ranges::all_of(part, is_of_gtid) || !is_digit(part.back())) return false;
    const bool mysql = part.size() > 37 && part[8] == '-' && part[13] == '-' && part[18] == '-' &&
                       part[23] == '-' && part[36] == ':';
    const bool mariadb = std::ranges::count(part, '-') == 2 &&
                         std::ranges::all_of(part, [&](char c) { return is_digit(c) || c == '-'; });
    if (!mysql && !mariadb) return false;
    member = true;
  }
  return member;
}

}  // namespace tiderelay::conf
