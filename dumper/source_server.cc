// dumper/source_server.cc: see source_server.h.
#include "dumper/source_server.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <tuple>

#include "applier/sql_text.h"
#include "protocol/gtid.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_text;

using protocol::GtidSet;
using protocol::MariaGtid;
using protocol::MariaGtidList;

constexpr std::uint16_t kXaRecoverRefused = 1401;  // XAER_RMERR: no XA_RECOVER_ADMIN

std::uint32_t number_at(const std::string& text, std::size_t& at) {
  std::uint32_t value = 0;
  while (at < text.size() && (text[at] < '0' || text[at] > '9')) ++at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + static_cast<std::uint32_t>(text[at++] - '0');
  }
  return value;
}

std::uint32_t version_number(const std::string& text) {
  std::size_t at = text.starts_with("5.5.5-") ? 6 : 0;
  const std::uint32_t major = number_at(text, at);
  const std::uint32_t minor = number_at(text, at);
  return major * 10'000 + minor * 100 + number_at(text, at);
}

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

Error unexpected(const char* what) {
  return Error(Errc::kUnsupported, std::string("the source gave an unexpected answer to ") + what);
}

std::string without_line_ends(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return text;
}

const std::string* only_value(const relay::QueryOutcome& answers, std::size_t result) {
  if (answers.results.size() <= result) return nullptr;
  const auto& rows = answers.results[result].rows;
  if (rows.size() != 1 || rows[0].empty() || !rows[0][0]) return nullptr;
  return &*rows[0][0];
}

// "uuid:5#7:8#9, uuid2:1#3": each number belongs to the thread behind '#'.
Result<GtidSet> owned_set(const std::string& text) {
  std::string set;
  bool in_thread = false;
  for (const char c : text) {
    if (c == '#') in_thread = true;
    if (c == ':' || c == ',' || c == '\n') in_thread = false;
    if (!in_thread) set += c;
  }
  return GtidSet::parse(set);
}

Result<LowReading> mysql_mark(const SourceServer& source, const relay::QueryOutcome& answers) {
  const std::string* executed = only_value(answers, 0);
  if (executed == nullptr) {
    if (answers.error) return *answers.error;
    return unexpected("SELECT @@global.gtid_executed");
  }
  LowReading reading;
  if (source.version < 50'700) {
    const std::string* owned = only_value(answers, 1);
    if (owned == nullptr) return unexpected("SELECT @@global.gtid_owned");
    Result<GtidSet> set = GtidSet::parse(*executed);
    if (!set) return set.error();
    const Result<GtidSet> running = owned_set(*owned);
    if (!running) return running.error();
    set->subtract(*running);
    reading.mark.set = set->text();
    return reading;
  }
  reading.mark.set = without_line_ends(*executed);
  reading.xa_unknown = answers.error && answers.error->server_code() == kXaRecoverRefused;
  if (answers.error && !reading.xa_unknown) return *answers.error;
  reading.prepared_xa = answers.results.size() > 1 && !answers.results[1].rows.empty();
  return reading;
}

Result<LowReading> mariadb_mark(const relay::QueryOutcome& answers) {
  if (answers.error) return *answers.error;
  if (answers.results.size() != 4) return unexpected("the packet of a consistent snapshot");
  const Result<std::string> position = snapshot_position_of(answers.results[1]);
  if (!position) return position.error();
  LowReading reading;
  reading.mark.position = *position;
  reading.prepared_xa = !answers.results[3].rows.empty();
  return reading;
}

// (file number, offset): files of one server are ordered by the number at the end of their names.
Result<std::tuple<std::uint64_t, std::uint64_t>> place_of(const std::string& position) {
  const std::size_t colon = position.rfind(':');
  const std::size_t dot = position.rfind('.', colon);
  if (colon == std::string::npos || dot == std::string::npos) {
    return Error(Errc::kCorrupt, "'" + position + "' is no binlog position");
  }
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
  std::from_chars(position.data() + dot + 1, position.data() + colon, file);
  std::from_chars(position.data() + colon + 1, position.data() + position.size(), offset);
  return std::make_tuple(file, offset);
}

Result<std::string> earlier_position(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return std::string();
  const auto place_a = place_of(a);
  if (!place_a) return place_a.error();
  const auto place_b = place_of(b);
  if (!place_b) return place_b.error();
  return *place_a <= *place_b ? a : b;
}

Result<std::string> earlier_maria_set(const std::string& a, const std::string& b) {
  const Result<MariaGtidList> left = MariaGtidList::parse(a);
  if (!left) return left.error();
  const Result<MariaGtidList> right = MariaGtidList::parse(b);
  if (!right) return right.error();
  MariaGtidList earlier;
  for (const MariaGtid& gtid : left->gtids()) {
    const MariaGtid* other = right->find_domain(gtid.domain);
    if (other != nullptr) earlier.advance(other->sequence < gtid.sequence ? *other : gtid);
  }
  return earlier.text();
}

}  // namespace

LowMethod SourceServer::low_method(bool no_locks) const {
  if (mariadb) return LowMethod::kSnapshot;
  if (gtid_on) return version < 50'700 ? LowMethod::kGtidSetMinusOwned : LowMethod::kGtidSet;
  return no_locks ? LowMethod::kUnlocked : LowMethod::kTableLock;
}

const char* SourceServer::position_statement() const {
  return !mariadb && version >= 80'400 ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

std::string describe_source_sql() {
  return "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
         "('server_uuid', 'server_id', 'gtid_mode', 'log_bin', 'lower_case_table_names', "
         "'explicit_defaults_for_timestamp')";
}

Result<SourceServer> describe_source(const std::string& server_version,
                                     const relay::StatementResult& variables) {
  std::map<std::string, std::string> values;
  for (const auto& row : variables.rows) {
    if (row.size() >= 2 && row[0]) values[lowered(*row[0])] = row[1].value_or("");
  }
  SourceServer source;
  source.mariadb = server_version.find("MariaDB") != std::string::npos;
  source.version = version_number(server_version);
  source.server_uuid = source.mariadb ? "mariadb-" + values["server_id"] : values["server_uuid"];
  source.gtid_on = source.mariadb || values["gtid_mode"] == "ON";
  source.log_bin = values["log_bin"] == "ON";
  source.lower_case_table_names = std::atoi(values["lower_case_table_names"].c_str());
  source.explicit_defaults_for_timestamp = values["explicit_defaults_for_timestamp"] != "OFF";
  if (source.version < 50'600) {
    return Error(Errc::kUnsupported, "the source is version " + server_version)
        .with_way_out("use MySQL 5.6 or later, or MariaDB 10.2 or later");
  }
  if (!source.log_bin) {
    return Error(Errc::kConfig, "the source writes no binlog (log_bin=OFF)")
        .with_way_out("switch the binlog on; on Aurora use the writer's endpoint");
  }
  return source;
}

Result<std::string> position_of(const relay::StatementResult& status) {
  if (status.rows.size() != 1 || status.rows[0].size() < 2 || !status.rows[0][0] ||
      !status.rows[0][1]) {
    return Error(Errc::kConfig, "the source names no binlog position")
        .with_way_out("switch the binlog on; on Aurora use the writer's endpoint");
  }
  return *status.rows[0][0] + ":" + *status.rows[0][1];
}

Result<std::string> snapshot_position_of(const relay::StatementResult& status) {
  std::string file;
  std::string offset;
  for (const auto& row : status.rows) {
    if (row.size() < 2 || !row[0] || !row[1]) continue;
    const std::string name = lowered(*row[0]);
    if (name == "binlog_snapshot_file") file = *row[1];
    if (name == "binlog_snapshot_position") offset = *row[1];
  }
  if (file.empty() || offset.empty()) return unexpected("SHOW STATUS LIKE 'Binlog_snapshot_%'");
  return file + ":" + offset;
}

// MySQL 5.7+: the executed set, then XA RECOVER: what was prepared before the set was read and is
// still open shows there; what has ended since is visible to the SELECT that follows.
// 5.6: an executed GTID may still be owned by a thread whose rows are not yet visible.
// MariaDB: the snapshot's own position; the SELECT that follows sees at least its rows.
std::string low_mark_sql(const SourceServer& source) {
  if (source.mariadb) {
    return "START TRANSACTION WITH CONSISTENT SNAPSHOT; SHOW STATUS LIKE 'Binlog_snapshot_%'; "
           "COMMIT; XA RECOVER";
  }
  if (source.version < 50'700) {
    return "SELECT @@global.gtid_executed; SELECT @@global.gtid_owned";
  }
  return "SELECT @@global.gtid_executed; XA RECOVER";
}

Result<LowReading> low_mark(const SourceServer& source, const relay::QueryOutcome& answers) {
  return source.mariadb ? mariadb_mark(answers) : mysql_mark(source, answers);
}

std::string snapshot_set_sql(const std::string& position) {
  const std::size_t colon = position.rfind(':');
  return "SELECT BINLOG_GTID_POS(" + quoted_text(position.substr(0, colon)) + ", " +
         position.substr(colon + 1) + ")";
}

Result<LowMark> earlier_mark(const SourceServer& source, const LowMark& a, const LowMark& b) {
  LowMark earlier;
  const Result<std::string> position = earlier_position(a.position, b.position);
  if (!position) return position.error();
  earlier.position = *position;
  if (source.mariadb) {
    const Result<std::string> set = earlier_maria_set(a.set, b.set);
    if (!set) return set.error();
    earlier.set = *set;
    return earlier;
  }
  const Result<GtidSet> left = GtidSet::parse(a.set);
  if (!left) return left.error();
  const Result<GtidSet> right = GtidSet::parse(b.set);
  if (!right) return right.error();
  earlier.set = left->intersection(*right).text();
  return earlier;
}

Result<bool> mark_contains(const SourceServer& source, const LowMark& whole, const LowMark& part) {
  const Result<LowMark> both = earlier_mark(source, whole, part);
  if (!both) return both.error();
  if (source.mariadb) {
    const Result<MariaGtidList> left = MariaGtidList::parse(both->set);
    if (!left) return left.error();
    const Result<MariaGtidList> right = MariaGtidList::parse(part.set);
    if (!right) return right.error();
    const auto in_left = [&](const MariaGtid& gtid) {
      const MariaGtid* found = left->find_domain(gtid.domain);
      return found != nullptr && found->sequence >= gtid.sequence;
    };
    return std::all_of(right->gtids().begin(), right->gtids().end(), in_left);
  }
  const Result<GtidSet> left = GtidSet::parse(whole.set);
  if (!left) return left.error();
  const Result<GtidSet> right = GtidSet::parse(part.set);
  if (!right) return right.error();
  return left->contains(*right);
}

}  // namespace tiderelay::dumper
