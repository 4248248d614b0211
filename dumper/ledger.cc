// dumper/ledger.cc: see ledger.h.
#include "dumper/ledger.h"

#include <algorithm>
#include <charconv>

#include "applier/sql_text.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_text;

constexpr std::uint16_t kBadNull = 1048;  // what the fence answers
constexpr char kCreatedNote[] = "created";

std::string text_or_null(const Bound& bound) { return bound ? quoted_text(*bound) : "NULL"; }

std::uint64_t number_of(const relay::TextValue& value) {
  std::uint64_t number = 0;
  if (value) std::from_chars(value->data(), value->data() + value->size(), number);
  return number;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

Error unreadable(const char* what) {
  return Error(Errc::kCorrupt, std::string("the ledger's ") + what + " cannot be read");
}

Result<TableState> state_of(const std::string& text) {
  for (const TableState state : {TableState::kPlanned, TableState::kLoading, TableState::kStaged,
                                 TableState::kLoaded, TableState::kAgain}) {
    if (text == state_text(state)) return state;
  }
  if (text == "replay" || text == "strict") return TableState::kLoaded;
  return unreadable("state of a table");
}

}  // namespace

const char* state_text(TableState state) {
  constexpr const char* kTexts[] = {"planned", "loading", "staged", "loaded", "again"};
  return kTexts[static_cast<std::size_t>(state)];
}

Ledger::Ledger(const DumpOptions& options, bool pessimistic_keyword)
    : options_(options), pessimistic_keyword_(pessimistic_keyword) {}

std::string Ledger::table_name(const char* name) const {
  return quoted_name(options_.meta_schema) + "." + name;
}

std::string Ledger::scope() const {
  return " WHERE task = " + quoted_text(options_.task) +
         " AND source = " + quoted_text(options_.source_id);
}

std::string Ledger::scope(const TableName& table) const {
  return scope() + " AND schema_name = " + quoted_text(table.schema) +
         " AND table_name = " + quoted_text(table.table);
}

std::string Ledger::begin() const {
  return pessimistic_keyword_ ? "BEGIN PESSIMISTIC; " : "START TRANSACTION; ";
}

std::string Ledger::fence_table(const TableName& table) const {
  const std::string epoch = std::to_string(options_.epoch);
  return "UPDATE " + table_name("tiderelay_table") + " SET epoch = IF(epoch = " + epoch + ", " +
         epoch + ", NULL)" + scope(table) + "; ";
}

std::string Ledger::takeover_sql() const {
  const std::string epoch = std::to_string(options_.epoch);
  const std::string older = " AND epoch < " + epoch;
  return begin() + "UPDATE " + table_name("tiderelay_source") + " SET epoch = IF(epoch = " + epoch +
         ", " + epoch + ", NULL)" + scope() + "; UPDATE " + table_name("tiderelay_table") +
         " SET epoch = " + epoch + scope() + older + "; UPDATE " + table_name("tiderelay_chunk") +
         " SET epoch = " + epoch + scope() + older + " AND state = 'planned'; COMMIT";
}

Result<void> Ledger::check_fenced(const relay::QueryOutcome& answers) {
  const char* const taken = "another process has taken over this task";
  if (answers.error) {
    const bool fence =
        answers.error->server_code() == kBadNull && answers.results.size() == kFenceResult;
    return fence ? Error(Errc::kFenced, taken) : *answers.error;
  }
  if (answers.results.size() <= kFenceResult) return unreadable("answer");
  if (answers.results[kFenceResult].affected_rows != 1) {
    return Error(Errc::kFenced, "the task's rows in the meta schema are gone")
        .with_way_out("start the task again");
  }
  return {};
}

std::string Ledger::read_tables_sql() const {
  return "SELECT schema_name, table_name, state, keyless, low_set, low_position, high_position, "
         "schema_sql, note, seq FROM " +
         table_name("tiderelay_table") + scope() + " ORDER BY schema_name, table_name";
}

std::string Ledger::read_chunks_sql() const {
  return "SELECT schema_name, table_name, chunk, lower_bound, upper_bound, state, rows_done, "
         "low_set, low_position, displaced FROM " +
         table_name("tiderelay_chunk") + scope() + " ORDER BY schema_name, table_name, chunk";
}

std::string Ledger::read_chunks_sql(const TableName& table) const {
  return "SELECT schema_name, table_name, chunk, lower_bound, upper_bound, state, rows_done, "
         "low_set, low_position, displaced FROM " +
         table_name("tiderelay_chunk") + scope(table) + " ORDER BY chunk";
}

Result<std::vector<TableRow>> Ledger::read_tables(const relay::StatementResult& rows) {
  std::vector<TableRow> tables;
  for (const auto& row : rows.rows) {
    if (row.size() != 10 || !row[0] || !row[1] || !row[2]) return unreadable("rows of tables");
    const Result<TableState> state = state_of(*row[2]);
    if (!state) return state.error();
    TableRow table;
    table.source.schema = *row[0];
    table.source.table = *row[1];
    table.state = *state;
    table.keyless = number_of(row[3]) != 0;
    table.low.set = row[4].value_or("");
    const std::string place = row[5].value_or("");
    const std::size_t slash = place.find('/');
    table.low.position = place.substr(slash == std::string::npos ? 0 : slash + 1);
    if (slash != std::string::npos) table.low_uuid = place.substr(0, slash);
    table.high_position = row[6].value_or("");
    table.schema_sql = row[7].value_or("");
    table.note = row[8].value_or("");
    table.created = table.note.starts_with(kCreatedNote);
    table.seq = number_of(row[9]);
    tables.push_back(std::move(table));
  }
  return tables;
}

Result<void> Ledger::read_chunks(const relay::StatementResult& rows,
                                 std::vector<TableRow>& tables) {
  for (const auto& row : rows.rows) {
    if (row.size() != 10 || !row[0] || !row[1] || !row[5]) return unreadable("rows of chunks");
    const TableName name{*row[0], *row[1]};
    const auto table = std::find_if(tables.begin(), tables.end(),
                                    [&](const TableRow& each) { return each.source == name; });
    if (table == tables.end()) return unreadable("chunk of an unknown table");
    ChunkRow chunk;
    chunk.chunk = static_cast<std::uint32_t>(number_of(row[2]));
    table->next_chunk = std::max(table->next_chunk, chunk.chunk + 1);
    if (*row[5] == "void") continue;
    chunk.lower = row[3];
    chunk.upper = row[4];
    chunk.done = *row[5] == "done";
    chunk.rows_done = number_of(row[6]);
    chunk.low.set = row[7].value_or("");
    const std::string place = row[8].value_or("");
    const std::size_t slash = place.find('/');
    if (slash != std::string::npos) {
      chunk.server_uuid = place.substr(0, slash);
      chunk.low.position = place.substr(slash + 1);
    }
    chunk.displaced = lines_of(row[9].value_or(""));
    table->chunks.push_back(std::move(chunk));
  }
  return {};
}

Result<ChunkFate> Ledger::read_fate(const relay::StatementResult& rows) {
  ChunkFate fate;
  if (rows.rows.empty()) return fate;
  const auto& row = rows.rows.front();
  if (row.size() != 4 || !row[0] || !row[1]) return unreadable("row of a chunk");
  fate.state = *row[0];
  fate.epoch = number_of(row[1]);
  fate.rows_done = number_of(row[2]);
  fate.displaced = lines_of(row[3].value_or(""));
  return fate;
}

std::string Ledger::add_tables_sql(const std::vector<DumpTable>& tables) const {
  const std::string epoch = std::to_string(options_.epoch);
  return begin() + "UPDATE " + table_name("tiderelay_source") + " SET epoch = IF(epoch = " + epoch +
         ", " + epoch + ", NULL)" + scope() + "; " + insert_tables(tables) +
         " ON DUPLICATE KEY UPDATE epoch = " + epoch + "; COMMIT";
}

std::vector<std::string> Ledger::copy_again_sql(const std::vector<DumpTable>& tables) const {
  std::vector<std::string> statements = {
      insert_tables(tables) +
      " ON DUPLICATE KEY UPDATE state = IF(state = 'loaded', 'again', state)"};
  for (const DumpTable& table : tables) {
    statements.push_back("UPDATE " + table_name("tiderelay_chunk") + " SET state = 'void'" +
                         scope(table.source));
  }
  return statements;
}

std::string Ledger::insert_tables(const std::vector<DumpTable>& tables) const {
  const std::string epoch = std::to_string(options_.epoch);
  std::string sql =
      "INSERT INTO " + table_name("tiderelay_table") +
      " (task, source, schema_name, table_name, target_schema, target_table, state, "
      "keyless, low_set, low_position, high_position, schema_sql, note, epoch) VALUES ";
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const DumpTable& table = tables[i];
    sql += (i == 0 ? "(" : ", (") + quoted_text(options_.task) + ", " +
           quoted_text(options_.source_id) + ", " + quoted_text(table.source.schema) + ", " +
           quoted_text(table.source.table) + ", " + quoted_text(table.target.schema) + ", " +
           quoted_text(table.target.table) + ", 'planned', 0, '', '', '', '', '', " + epoch + ")";
  }
  return sql;
}

std::string Ledger::low_columns(const LowMark& low) const {
  return "low_set = " + quoted_text(low.set) + ", low_position = " + quoted_text(low.position);
}

// Sent again after a lost answer it may find its own number; an older write that commits late
// finds a later one.
std::string Ledger::set_table(const TableRow& row, const TableUpdate& update) const {
  std::string note = update.created ? kCreatedNote : "";
  if (!update.note.empty()) note += (note.empty() ? "" : "; ") + update.note;
  LowMark low = update.low;
  if (update.state != TableState::kLoaded && !update.low_uuid.empty()) {
    low.position = update.low_uuid + "/" + low.position;
  }
  const std::string seq = std::to_string(row.seq);
  const std::string next = std::to_string(row.seq + 1);
  return "UPDATE " + table_name("tiderelay_table") +
         " SET seq = IF(epoch = " + std::to_string(options_.epoch) + " AND seq IN (" + seq + ", " +
         next + "), " + next + ", NULL), state = " + quoted_text(state_text(update.state)) +
         ", keyless = " + (update.keyless ? "1" : "0") + ", " + low_columns(low) +
         ", high_position = " + quoted_text(update.high_position) +
         ", schema_sql = " + quoted_text(update.schema_sql) + ", note = " + quoted_text(note) +
         scope(row.source) + "; ";
}

std::string Ledger::update_table_sql(const TableRow& row, const TableUpdate& update) const {
  return begin() + set_table(row, update) + "COMMIT";
}

std::string Ledger::insert_chunks(const TableName& table,
                                  const std::vector<ChunkRow>& chunks) const {
  std::string sql = "INSERT INTO " + table_name("tiderelay_chunk") +
                    " (task, source, schema_name, table_name, chunk, lower_bound, upper_bound, "
                    "state, rows_done, low_set, low_position, displaced, epoch) VALUES ";
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    sql += (i == 0 ? "(" : ", (") + quoted_text(options_.task) + ", " +
           quoted_text(options_.source_id) + ", " + quoted_text(table.schema) + ", " +
           quoted_text(table.table) + ", " + std::to_string(chunks[i].chunk) + ", " +
           text_or_null(chunks[i].lower) + ", " + text_or_null(chunks[i].upper) +
           ", 'planned', 0, '', '', '', " + std::to_string(options_.epoch) + ")";
  }
  // Sent again after a lost answer it finds its own rows.
  return sql + " ON DUPLICATE KEY UPDATE chunk = chunk; ";
}

std::string Ledger::add_chunks_sql(const TableName& table,
                                   const std::vector<ChunkRow>& chunks) const {
  return begin() + fence_table(table) + insert_chunks(table, chunks) + "COMMIT";
}

std::string Ledger::staged_sql(const TableRow& row, const TableUpdate& update,
                               const std::vector<ChunkRow>& chunks) const {
  const std::string parts = chunks.empty() ? "" : insert_chunks(row.source, chunks);
  return begin() + set_table(row, update) + parts + "COMMIT";
}

std::string Ledger::void_chunks_sql(const TableRow& row) const {
  return begin() + fence_table(row.source) + "UPDATE " + table_name("tiderelay_chunk") +
         " SET state = 'void', epoch = " + std::to_string(options_.epoch) + scope(row.source) +
         " AND chunk < " + std::to_string(row.next_chunk) + "; COMMIT";
}

std::string Ledger::chunk_done_sql(const TableName& table, const ChunkRow& chunk) const {
  const LowMark low{chunk.low.set, chunk.server_uuid + "/" + chunk.low.position};
  return "UPDATE " + table_name("tiderelay_chunk") +
         " SET state = IF(state = 'planned' AND epoch = " + std::to_string(options_.epoch) +
         ", 'done', NULL), rows_done = " + std::to_string(chunk.rows_done) + ", " +
         low_columns(low) + ", displaced = " + quoted_text(joined(chunk.displaced)) + scope(table) +
         " AND chunk = " + std::to_string(chunk.chunk);
}

std::string Ledger::repair_fence_sql(const TableName& table, std::uint32_t chunk,
                                     const std::vector<std::string>& displaced) const {
  const std::string epoch = std::to_string(options_.epoch);
  std::string sql = "UPDATE " + table_name("tiderelay_table") +
                    " SET state = IF(state = 'loading' AND epoch = " + epoch +
                    ", 'loading', NULL)" + scope(table);
  if (displaced.empty()) return sql;
  return sql + "; UPDATE " + table_name("tiderelay_chunk") + " SET displaced = CONCAT(displaced, " +
         quoted_text("\n" + joined(displaced)) + ")" + scope(table) +
         " AND chunk = " + std::to_string(chunk);
}

std::string Ledger::read_chunk_sql(const TableName& table, std::uint32_t chunk) const {
  return "SELECT state, epoch, rows_done, displaced FROM " + table_name("tiderelay_chunk") +
         scope(table) + " AND chunk = " + std::to_string(chunk);
}

}  // namespace tiderelay::dumper
