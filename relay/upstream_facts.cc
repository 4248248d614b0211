// relay/upstream_facts.cc: a server's answers, judged.
#include "relay/upstream_facts.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "protocol/format_description.h"

namespace tiderelay::relay {
namespace {

constexpr std::string_view kVariables[] = {
    "server_uuid",
    "server_uid",
    "server_id",
    "version",
    "aurora_version",
    "log_bin",
    "binlog_format",
    "gtid_mode",
    "read_only",
    "innodb_read_only",
    "binlog_row_image",
    "binlog_checksum",
    // What else followers of the relay log ask for: relay/sql_answers.h.
    "auto_increment_increment",
    "auto_increment_offset",
    "autocommit",
    "binlog_row_metadata",
    "binlog_row_value_options",
    "binlog_transaction_compression",
    "character_set_client",
    "character_set_connection",
    "character_set_database",
    "character_set_results",
    "character_set_server",
    "character_set_system",
    "collation_connection",
    "collation_database",
    "collation_server",
    "enforce_gtid_consistency",
    "gtid_domain_id",
    "gtid_strict_mode",
    "init_connect",
    "interactive_timeout",
    "license",
    "log_bin_basename",
    "log_bin_compress",
    "log_replica_updates",
    "log_slave_updates",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_connections",
    "net_buffer_length",
    "net_read_timeout",
    "net_write_timeout",
    "performance_schema",
    "sql_mode",
    "system_time_zone",
    "time_zone",
    "transaction_isolation",
    "tx_isolation",
    "version_comment",
    "version_compile_machine",
    "version_compile_os",
    "wait_timeout",
};

bool is_on(std::string_view value) { return value == "ON" || value == "1"; }

// MariaDB's server_uid is base64: make it fit for a folder's name.
std::string folder_safe(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '=') continue;
    safe += c == '/' ? '_' : c == '+' ? '-' : c;
  }
  return safe;
}

void take_variable(UpstreamFacts& facts, std::string_view name, const std::string& value) {
  if (name == "version") facts.version = value;
  if (name == "aurora_version") facts.aurora = true;
  if (name == "log_bin") facts.log_bin = is_on(value);
  if (name == "binlog_format") facts.binlog_format = value;
  if (name == "binlog_row_image") facts.binlog_row_image = value;
  if (name == "binlog_checksum") facts.binlog_checksum = value;
  if (name == "gtid_mode") facts.gtid_mode = value;
  if (name == "read_only") facts.read_only = is_on(value);
  if (name == "innodb_read_only") facts.innodb_read_only = is_on(value);
  if (name == "server_id") {
    std::from_chars(value.data(), value.data() + value.size(), facts.server_id);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
  });
  return out;
}

struct KnownText {
  std::string_view part;  // of the text, lower case
  Errc code;
  const char* way_out;
};

// Error 1236: what a text means. Order matters: the first that fits counts.
constexpr KnownText kFatalDumpTexts[] = {
    {"purged required", Errc::kPurged,
     "the upstream removed the log that is needed: restore it there, start again from a full copy, "
     "or accept the gap with an explicit start position; keep logs longer (binlog_expire_logs_"
     "seconds; Aurora and RDS: mysql.rds_set_configuration('binlog retention hours', ...))"},
    {"could not find first log file", Errc::kPurged,
     "the file is not (or no longer) on the upstream: start from a file that SHOW BINARY LOGS "
     "lists, or from a full copy"},
    {"could not find gtid state requested", Errc::kPurged,
     "the upstream removed the log that is needed: start again from a full copy"},
    {"same server_uuid/server_id", Errc::kConnection,
     "another replica uses this server id: give this source a server-id of its own"},
    {"same server id", Errc::kConnection,
     "another replica uses this server id: give this source a server-id of its own"},
    {"position > file size", Errc::kDiverged,
     "the upstream's file is shorter than what was received from it: it lost its tail in a crash "
     "or is another server; compare both before going on"},
    {"impossible position", Errc::kDiverged,
     "the upstream's file is shorter than what was received from it: it lost its tail in a crash "
     "or is another server; compare both before going on"},
    {"not in the master's binlog", Errc::kDiverged,
     "the upstream does not have what was received before: it is another history"},
    {"exceeded max_allowed_packet", Errc::kConfig,
     "usually the start position is not the beginning of an event: take one from SHOW BINLOG "
     "EVENTS; if it is, raise max_allowed_packet on the upstream"},
    {"checksum", Errc::kUnsupported, "set binlog_checksum on the upstream to CRC32 or NONE"},
    {"binary log is not open", Errc::kConfig, "switch the binary log on: log_bin"},
    {"server_id is 0", Errc::kConfig, "give the upstream a server_id that is not 0"},
};

constexpr KnownText kReadTexts[] = {
    {"crc check", Errc::kCorrupt, ""},
    {"bogus data", Errc::kCorrupt, ""},
    {"truncated in the middle", Errc::kCorrupt, ""},
};

struct KnownCode {
  std::uint16_t code;
  Errc as;
  const char* way_out;
};

constexpr KnownCode kKnownCodes[] = {
    {1040, Errc::kConnection, "the upstream has no free connection: raise max_connections there"},
    {1053, Errc::kConnection, "the upstream is shutting down"},
    {1129, Errc::kConnection, "the upstream blocks this host: run FLUSH HOSTS there"},
    {1158, Errc::kConnection, ""},
    {1159, Errc::kConnection, ""},
    {1160, Errc::kConnection, ""},
    {1161, Errc::kConnection, ""},
    {1203, Errc::kConnection, "the account has too many connections"},
    {1226, Errc::kConnection, "the account has used up a limit on the upstream"},
    {1317, Errc::kConnection, "the dump was killed on the upstream"},
    {3169, Errc::kConnection, "the dump was killed on the upstream"},
    {1835, Errc::kUnsupported, ""},
};

template <std::size_t kCount>
const KnownText* find_text(const KnownText (&known)[kCount], std::string_view text) {
  const auto* found = std::find_if(std::begin(known), std::end(known), [&](const KnownText& row) {
    return text.find(row.part) != std::string_view::npos;
  });
  return found == std::end(known) ? nullptr : found;
}

Error explain_fatal_dump(const Error& error) {
  const std::string text = lower(error.text());
  if (const KnownText* row = find_text(kFatalDumpTexts, text)) {
    return error.as(row->code).with_way_out(row->way_out);
  }
  if (const KnownText* row = find_text(kReadTexts, text)) {
    return error.as(row->code).with_way_out(
        "the upstream cannot read its own log there: check it with mysqlbinlog "
        "--verify-binlog-checksum on the upstream");
  }
  return error.as(Errc::kUnsupported);
}

}  // namespace

std::string facts_query() {
  std::string query = "SHOW GLOBAL VARIABLES WHERE Variable_name IN (";
  for (const std::string_view name : kVariables) {
    query += (query.back() == '(' ? "'" : ", '") + std::string(name) + "'";
  }
  return query + ")";
}

Result<UpstreamFacts> read_facts(const StatementResult& variables) {
  UpstreamFacts facts;
  std::string server_uid;
  for (const auto& row : variables.rows) {
    if (row.size() < 2 || !row[0] || !row[1]) continue;
    const std::string name = lower(*row[0]);
    if (name == "server_uuid") facts.server_uuid = lower(*row[1]);
    if (name == "server_uid") server_uid = *row[1];
    take_variable(facts, name, *row[1]);
    facts.variables[name] = *row[1];
  }
  facts.version_number = protocol::parse_server_version(facts.version);
  if (facts.version.find("MariaDB") != std::string::npos) {
    facts.dialect = protocol::Dialect::kMariadb;
    facts.server_uuid =
        server_uid.empty() ? "mariadb-" + std::to_string(facts.server_id) : folder_safe(server_uid);
  }
  if (facts.server_uuid.empty() || facts.version_number == 0) {
    return Error(Errc::kUnsupported, "the server says neither server_uuid nor a known version (\"" +
                                         facts.version + "\"): it is no MySQL 5.6+ or MariaDB")
        .with_way_out("check host and port: a proxy or another kind of server answers there");
  }
  return facts;
}

Result<void> check_facts(const UpstreamFacts& facts, std::uint32_t own_server_id) {
  const std::string reader_way_out =
      "connect to the writer: with Aurora the cluster endpoint, not the reader endpoint";
  if (!facts.log_bin && (facts.innodb_read_only || facts.read_only || facts.aurora)) {
    return Error(Errc::kConfig,
                 "this is a read-only instance without a binary log (" +
                     std::string(facts.innodb_read_only ? "innodb_read_only" : "read_only") +
                     " is on, log_bin is off)")
        .with_way_out(reader_way_out + (facts.aurora ? "; on the writer set binlog_format = ROW in "
                                                       "the cluster parameter group"
                                                     : ""));
  }
  if (!facts.log_bin) {
    return Error(Errc::kConfig, "the upstream writes no binary log (log_bin is off)")
        .with_way_out(
            "set log_bin = binlog, binlog_format = ROW and a server_id in its configuration and "
            "restart it; on RDS switch automated backups on");
  }
  if (!facts.binlog_format.empty() && facts.binlog_format != "ROW") {
    return Error(Errc::kConfig,
                 "the upstream's binlog_format is " + facts.binlog_format + ", not ROW")
        .with_way_out(
            "run SET GLOBAL binlog_format = 'ROW' there (on RDS and Aurora in the parameter "
            "group), let its sessions reconnect, and keep it in its configuration");
  }
  if (facts.server_id == own_server_id) {
    return Error(Errc::kConfig, "the upstream's server_id is " + std::to_string(own_server_id) +
                                    ", the same as ours")
        .with_way_out("give this source another server-id");
  }
  if (facts.server_id == 0) {
    return Error(Errc::kConfig, "the upstream's server_id is 0: it serves no replicas")
        .with_way_out("give the upstream a server_id that is not 0");
  }
  return {};
}

std::vector<std::string> warnings_about(const UpstreamFacts& facts) {
  std::vector<std::string> warnings;
  if (!facts.binlog_row_image.empty() && facts.binlog_row_image != "FULL") {
    warnings.push_back(
        "binlog_row_image is " + facts.binlog_row_image +
        ": receiving works, but applying needs SET GLOBAL binlog_row_image = 'FULL'");
  }
  if (facts.binlog_checksum == "NONE") {
    warnings.emplace_back("binlog_checksum is NONE: damage on the way cannot be noticed");
  }
  if (facts.dialect == protocol::Dialect::kMysql && facts.gtid_mode != "ON") {
    warnings.emplace_back(
        "gtid_mode is not ON: after a fail-over to another server the place in its log cannot be "
        "found by itself");
  }
  return warnings;
}

Result<std::vector<UpstreamFile>> read_files(const StatementResult& binary_logs) {
  std::vector<UpstreamFile> files;
  for (const auto& row : binary_logs.rows) {
    if (row.size() < 2 || !row[0] || !row[1]) continue;
    UpstreamFile file;
    file.name = *row[0];
    std::from_chars(row[1]->data(), row[1]->data() + row[1]->size(), file.size_bytes);
    files.push_back(std::move(file));
  }
  if (files.empty()) return Error(Errc::kConfig, "the upstream lists no binary log file");
  return files;
}

std::string head_query(const std::string& file) {
  std::string quoted;
  for (const char c : file) {
    if (c == '\'' || c == '\\') quoted += c == '\'' ? '\'' : '\\';
    quoted += c;
  }
  return "SHOW BINLOG EVENTS IN '" + quoted + "' LIMIT 5";
}

Result<std::optional<GtidState>> read_head(const StatementResult& events) {
  constexpr std::size_t kTypeColumn = 2;
  constexpr std::size_t kInfoColumn = 5;
  for (const auto& row : events.rows) {
    if (row.size() <= kInfoColumn || !row[kTypeColumn]) continue;
    const std::string type = lower(*row[kTypeColumn]);
    if (type != "previous_gtids" && type != "gtid_list") continue;
    std::string text = row[kInfoColumn].value_or("");
    std::erase_if(text, [](char c) { return c == '[' || c == ']'; });
    const auto state = GtidState::parse(text);
    if (!state) return state.error();
    return std::optional<GtidState>(*state);
  }
  return std::optional<GtidState>();
}

Error explain_upstream_error(const Error& error, const std::string& user) {
  if (error.code() != Errc::kServer) return error;
  const std::uint16_t code = error.server_code();
  // MariaDB has a code of its own for it (ER_SLAVE_SAME_ID).
  const bool same_id = lower(error.text()).find("same server_uuid/server_id") != std::string::npos;
  if (code == 1236 || same_id) return explain_fatal_dump(error);
  if (code == 1227 || code == 1142 || code == 1045 || code == 3159) {
    const std::string grant =
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '" + user + "'@'<this host>'";
    return error.as(Errc::kAuth)
        .with_way_out(code == 3159   ? "the account demands TLS: enable TLS for this source"
                      : code == 1045 ? "check user and password; the account needs: " + grant
                                     : "run there: " + grant);
  }
  for (const KnownCode& row : kKnownCodes) {
    if (row.code == code) return error.as(row.as).with_way_out(row.way_out);
  }
  return error;
}

}  // namespace tiderelay::relay
