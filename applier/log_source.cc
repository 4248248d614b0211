// applier/log_source.cc: groups of events become transactions; rows go to their tables' bindings.
#include "applier/log_source.h"

#include <utility>

#include "applier/statement_text.h"
#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "protocol/payload.h"
#include "protocol/rows.h"

namespace tiderelay::applier {

namespace type = protocol::event_type;
using protocol::EventView;

namespace {

constexpr std::size_t kCellBlock = 4096;  // cells allocated at once
constexpr std::size_t kTablesMax = 4096;  // TABLE_MAPs remembered

bool starts_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (std::toupper(static_cast<unsigned char>(text[i])) != word[i]) return false;
  }
  return true;
}

// "XA COMMIT X'61',X'',1" -> "X'61',X'',1"; a trailing ONE PHASE is left out.
std::string xa_id_of(std::string_view text, std::size_t behind) {
  text.remove_prefix(behind);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const std::size_t one_phase = text.find(" ONE PHASE");
  if (one_phase != std::string_view::npos) text = text.substr(0, one_phase);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

LogSource::LogSource(LogSourceOptions options, Selection& selection, Definitions& definitions,
                     AppliedSet applied, std::map<TableName, TableWindow> windows)
    : options_(std::move(options)),
      selection_(selection),
      definitions_(definitions),
      applied_(std::move(applied)),
      windows_(std::move(windows)) {}

std::optional<LogSource::Step> LogSource::next() {
  if (steps_.empty()) return std::nullopt;
  Step step = std::move(steps_.front());
  steps_.pop_front();
  return step;
}

Result<void> LogSource::feed(const relay::LogEvent& event, const relay::LogReader& from) {
  ++counters_.events;
  event_begin_ = event.begin;
  event_end_ = event.end;
  const bool new_file = event.begin.file != file_ || event.begin.generation != generation_;
  if (new_file || event.header.type == type::kFormatDescription) {
    file_ = event.begin.file;
    generation_ = event.begin.generation;
    format_ = event.fde;
    boundary_.set_format(*format_);
    position_origin_ = from.folder_name() + "/" + from.file_name();
    maps_.clear();  // ids start anew with a server's restart
    tables_.clear();
  }
  const Result<void> done = on_event(event.view(), event.keep);
  if (!done) {
    return done.error().in("relay log " + position_origin_ + ":" +
                           std::to_string(event.begin.offset_bytes));
  }
  return {};
}

Result<void> LogSource::on_event(const EventView& event, const std::shared_ptr<const void>& keep) {
  const auto verdict = boundary_.feed(event.header, event.body);
  if (!verdict) return verdict.error();
  if (verdict->abandons) abandon();
  if (verdict->starts) {
    const Result<void> opened = open_transaction(event);
    if (!opened) return opened;
  }
  const Result<void> handled = feed_inner(event, keep);
  if (!handled) return handled;
  if (verdict->ends) close_transaction(event.header.timestamp_seconds);
  return {};
}

Result<void> LogSource::feed_inner(const EventView& event,
                                   const std::shared_ptr<const void>& keep) {
  switch (event.header.type) {
    case type::kQuery:
      return on_query(event);
    case type::kTableMap: {
      const auto map = maps_.put(event, *format_);
      if (!map) return map.error();
      return {};
    }
    case type::kTransactionPayload:
      return on_payload(event);
    case type::kXaPrepare:
      return on_xa_prepare(event);
    case type::kIncident: {
      const auto incident = protocol::decode_incident(event, *format_);
      if (!incident) return incident.error();
      return Error(Errc::kData, "the source logged an incident: " + std::string(incident->message))
          .with_way_out("events are missing in the source's log: copy the tables again");
    }
    case type::kGtid:
    case type::kAnonymousGtid:
    case type::kGtidTagged:
    case type::kMariaGtid:  // open_transaction has read it
    case type::kXid:
    case type::kFormatDescription:
    case type::kRotate:
    case type::kStop:
    case type::kPreviousGtids:
    case type::kMariaGtidList:
    case type::kMariaAnnotateRows:
    case type::kMariaBinlogCheckpoint:
    case type::kRowsQuery:
    case type::kIntvar:
    case type::kRand:
    case type::kUserVar:
    case type::kTransactionContext:
    case type::kViewChange:
    case type::kHeartbeat:
    case type::kHeartbeatV2:
      return {};
    default:
      break;
  }
  if (protocol::is_rows_event_type(event.header.type)) return on_rows(event, keep);
  if (event.header.ignorable()) {
    ++counters_.ignored_events;
    return {};
  }
  return Error(Errc::kUnsupported,
               "event " + protocol::event_type_name(event.header.type) + " cannot be applied")
      .with_way_out("the relay log keeps it; stop the source from writing such events");
}

Result<void> LogSource::open_transaction(const EventView& event) {
  has_gtid_ = false;
  begin_ = event_begin_;
  id_.origin = position_origin_;
  id_.first = begin_.offset_bytes;
  id_.end = id_.first + 1;  // until the end is known: enough to be found in the applied set
  ordinal_ = 0;
  ends_xa_.clear();
  xa_id_.clear();
  if (event.header.type == type::kMariaGtid) {
    const auto gtid = protocol::decode_maria_gtid_event(event);
    if (!gtid) return gtid.error();
    has_gtid_ = true;
    id_.origin = std::to_string(gtid->gtid.domain) + "-" + std::to_string(gtid->gtid.server);
    id_.first = gtid->gtid.sequence;
    id_.end = id_.first + 1;
  } else if (event.header.type == type::kGtid || event.header.type == type::kGtidTagged ||
             event.header.type == type::kAnonymousGtid) {
    const auto gtid = protocol::decode_gtid_event(event);
    if (!gtid) return gtid.error();
    if (gtid->gtid && !gtid->gtid->source.tag.empty()) {
      return Error(Errc::kUnsupported, "tagged GTID " + gtid->gtid->text() + " cannot be applied")
          .with_way_out("let sessions of the source use gtid_next=AUTOMATIC without a tag");
    }
    if (gtid->gtid && gtid->gtid->number != 0) {
      has_gtid_ = true;
      id_.origin = gtid->gtid->source.uuid.text();
      id_.first = gtid->gtid->number;
      id_.end = id_.first + 1;
    }
  }
  already_applied_ = applied_.contains(id_);
  start_part();
  return {};
}

Result<void> LogSource::on_query(const EventView& event) {
  const auto query = protocol::decode_query(event, *format_);
  if (!query) return query.error();
  const std::string_view text = query->sql;
  if (text == "BEGIN" || text == "COMMIT" || starts_with_word(text, "SAVEPOINT") ||
      starts_with_word(text, "RELEASE SAVEPOINT") || starts_with_word(text, "XA END")) {
    return {};
  }
  if (starts_with_word(text, "XA START")) {
    xa_id_ = xa_id_of(text, 8);
    return {};
  }
  if (starts_with_word(text, "XA COMMIT")) return on_xa_commit(xa_id_of(text, 9));
  if (starts_with_word(text, "XA ROLLBACK")) {
    ends_xa_ = xa_id_of(text, 11);
    prepared_.erase(ends_xa_);
    return {};
  }
  if (starts_with_word(text, "ROLLBACK")) {
    if (starts_with_word(text, "ROLLBACK TO") || part_.changes.empty()) return {};
    return Error(Errc::kUnsupported,
                 "a transaction with rows of non-transactional tables was rolled back")
        .with_way_out("change such tables of the source to InnoDB and copy them again");
  }
  return on_statement(*query, event);
}

Result<void> LogSource::on_statement(const protocol::QueryEvent& query, const EventView& event) {
  DdlEvent statement;
  statement.id = id_;
  statement.begin = begin_;
  statement.end = event_end_;
  if (!has_gtid_) statement.id.end = event_end_.offset_bytes;
  statement.timestamp_seconds = event.header.timestamp_seconds;
  statement.microseconds = query.status.microseconds.value_or(0);
  statement.server_id = event.header.server_id;
  statement.schema = std::string(query.schema);
  statement.sql_mode = query.status.sql_mode.value_or(0);
  statement.time_zone = std::string(query.status.time_zone.value_or(""));
  statement.charset = query.status.charset.value_or(protocol::SessionCharset());
  Result<std::string> text =
      statement_text(query.sql, statement.charset.client, format_->dialect());
  if (!text) statement.unreadable = text.error();
  statement.sql = text ? std::move(*text) : ascii_only(query.sql);
  statement.utf8mb4_default_collation = query.status.utf8mb4_default_collation;
  statement.explicit_defaults_for_timestamp = query.status.explicit_defaults_for_timestamp;
  for (const std::string_view schema : query.status.updated_databases) {
    statement.updated_schemas.emplace_back(schema);
  }
  statement.completes = boundary_.between_transactions();
  const Result<bool> concerned = selection_.concerns(statement);
  if (!concerned) return concerned.error();
  if (!*concerned) return {};
  Step step;
  step.ddl = std::move(statement);
  steps_.push_back(std::move(step));
  return {};
}

Result<LogSource::Table*> LogSource::table_of(std::shared_ptr<const protocol::TableMap> map) {
  if (tables_.size() > kTablesMax) tables_.clear();
  Table& table = tables_[map.get()];
  if (table.map) return &table;
  table.source.schema = map->schema;
  table.source.table = map->table;
  const Result<std::optional<TableName>> target = selection_.target_of(table.source);
  if (!target) return target.error();
  table.taken = target->has_value();
  const auto window = windows_.find(table.source);
  if (window != windows_.end()) table.window = &window->second;
  table.map = std::move(map);
  return &table;
}

Result<void> LogSource::bind(Table& table) {
  const Result<std::optional<TableName>> target = selection_.target_of(table.source);
  if (!target) return target.error();
  const std::string name = table.source.schema + "." + table.source.table;
  const TableSchema* source = definitions_.source_table(table.source);
  if (source == nullptr) {
    unknown_table_ = table.source;
    return Error(Errc::kCopyAgain,
                 "rows of " + name + ", whose definition is not known at this place")
        .with_way_out("start the task with task-mode all, or from a place before its CREATE TABLE");
  }
  const TableSchema* into = definitions_.target_table(**target);
  if (into == nullptr) {
    return Error(Errc::kData, "rows of " + name + ", but the target has no table " +
                                  (*target)->schema + "." + (*target)->table)
        .with_way_out("create it in the target as the source has it, then resume-task");
  }
  const auto binding = TableBinding::make(table.map->columns, *source, *into, options_.binding);
  if (!binding) {
    const bool copied = table.window != nullptr && begin_ < table.window->high;
    if (!copied || binding.error().code() != Errc::kDiverged) return binding.error();
    unknown_table_ = table.source;  // it was altered while it was copied
    return binding.error().as(Errc::kCopyAgain);
  }
  table.binding = *binding;
  return {};
}

std::optional<ApplyMode> LogSource::mode_of(const Table& table) const {
  const TableWindow* window = table.window;
  if (window == nullptr || begin_ >= window->high) return ApplyMode::kStrict;
  if (has_gtid_ && window->low.contains(id_)) return std::nullopt;
  if (window->low_position && event_end_ <= *window->low_position) return std::nullopt;
  return ApplyMode::kReplay;
}

Result<void> LogSource::on_rows(const EventView& event, const std::shared_ptr<const void>& keep) {
  const Result<std::uint64_t> id = protocol::decode_table_id(event, *format_);
  if (!id) return id.error();
  if (*id == protocol::kDummyTableId) return {};
  std::shared_ptr<const protocol::TableMap> map = maps_.find(*id);
  if (!map) {
    return Error(Errc::kCorrupt, "rows of table id " + std::to_string(*id) + " without TABLE_MAP");
  }
  const Result<Table*> found = table_of(std::move(map));
  if (!found) return found.error();
  Table& table = **found;
  if (!table.taken) return {};
  const std::optional<ApplyMode> mode = already_applied_ ? std::nullopt : mode_of(table);
  if (!mode) return {};
  if (!table.binding) {
    const Result<void> bound = bind(table);
    if (!bound) return bound;
  }
  const Result<void> opened = rows_.open(event, *format_, *table.map);
  if (!opened) return opened.error();
  const Result<bool> dropped = selection_.drops_rows(table.source, rows_.kind());
  if (!dropped) return dropped.error();
  if (*dropped) return {};
  if (keep.get() != last_kept_) {
    part_.keeps.push_back(keep);
    last_kept_ = keep.get();
  }
  for (;;) {
    const Result<bool> more = rows_.next();
    if (!more) return more.error().in(table.source.schema + "." + table.source.table);
    if (!*more) return {};
    if (rows_.has_partial()) {
      return Error(Errc::kUnsupported,
                   "partial JSON update of " + table.source.schema + "." + table.source.table)
          .with_way_out(
              "SET GLOBAL binlog_row_value_options = '' at the source, and copy the table again");
    }
    if (!applied_.contains_row(id_, ordinal_)) add_row(table, *mode);
    ++ordinal_;
  }
}

void LogSource::add_row(const Table& table, ApplyMode mode) {
  RowChange change;
  change.kind = rows_.kind();
  change.mode = options_.always_replay && !table.binding->keyless() ? ApplyMode::kReplay : mode;
  change.binding = table.binding.get();
  change.ordinal = ordinal_;
  change.before = keep_cells(rows_.before());
  change.after = keep_cells(rows_.after());
  std::size_t bytes = sizeof(RowChange);
  for (const protocol::Cell& cell : change.before) bytes += sizeof cell + cell.size_bytes;
  for (const protocol::Cell& cell : change.after) bytes += sizeof cell + cell.size_bytes;
  part_.bytes += bytes;
  part_.changes.push_back(change);
  if (part_.bindings.empty() || part_.bindings.back() != table.binding) {
    part_.bindings.push_back(table.binding);
  }
  ++counters_.rows;
  const bool large =
      part_.bytes >= options_.split_bytes || part_.changes.size() >= options_.split_rows;
  if (large && xa_id_.empty()) emit_part(false);
}

std::span<const protocol::Cell> LogSource::keep_cells(std::span<const protocol::Cell> cells) {
  if (cells.empty()) return {};
  const bool full = cell_blocks_.empty() ||
                    cell_blocks_.back().capacity() - cell_blocks_.back().size() < cells.size();
  if (full) {
    cell_blocks_.emplace_back();
    cell_blocks_.back().reserve(std::max(kCellBlock, cells.size()));
  }
  std::vector<protocol::Cell>& block = cell_blocks_.back();
  const std::size_t at = block.size();
  block.insert(block.end(), cells.begin(), cells.end());
  return std::span<const protocol::Cell>(block).subspan(at, cells.size());
}

Result<void> LogSource::on_payload(const EventView& event) {
  maps_.clear();  // ids hold in one payload
  payload_.start(event.body.size());
  payload_.feed(event.body);
  for (;;) {
    const auto step = payload_.next();
    if (!step) return step.error();
    switch (step->kind) {
      case protocol::PayloadReader::Kind::kNeedBytes:
        return Error(Errc::kTruncated, "the payload of a compressed transaction ends early");
      case protocol::PayloadReader::Kind::kEnd:
        maps_.clear();
        return {};
      case protocol::PayloadReader::Kind::kEvent:
        break;
    }
    // The reader's buffer is used again; rows stay until their batch is done.
    const auto kept = std::make_shared<const std::string>(as_text(step->event.body));
    const EventView inner{step->event.header, as_bytes(*kept)};
    const Result<void> handled = feed_inner(inner, kept);
    if (!handled) return handled;
  }
}

Result<void> LogSource::on_xa_commit(const std::string& xid) {
  const auto found = prepared_.find(xid);
  ends_xa_ = xid;
  if (found == prepared_.end()) {
    if (already_applied_) return {};
    return Error(Errc::kData, "XA COMMIT " + xid +
                                  ": its rows were prepared before the log that this task reads")
        .with_way_out("copy the task's tables again");
  }
  if (!already_applied_) {
    part_.changes = std::move(found->second.changes);
    part_.keeps = std::move(found->second.keeps);
    part_.bindings = std::move(found->second.bindings);
    part_.bytes += found->second.bytes;
  }
  prepared_.erase(found);
  return {};
}

Result<void> LogSource::on_xa_prepare(const EventView& event) {
  const auto prepare = protocol::decode_xa_prepare(event);
  if (!prepare) return prepare.error();
  if (prepare->one_phase) {
    xa_id_.clear();
    return {};
  }
  xa_id_ = prepare->xid.text();
  return {};
}

// The transaction that was being read has no end: the source crashed in it, and it never happened
// there.
void LogSource::abandon() {
  part_ = Transaction();
  cell_blocks_.clear();
}

void LogSource::start_part() {
  part_ = Transaction();
  part_.first_ordinal = ordinal_;
  last_kept_ = nullptr;
}

void LogSource::emit_part(bool last) {
  part_.id = id_;
  part_.begin = begin_;
  part_.end = event_end_;
  part_.last_part = last;
  if (!has_gtid_ && last) part_.id.end = event_end_.offset_bytes;
  part_.keeps.push_back(
      std::make_shared<std::vector<std::vector<protocol::Cell>>>(std::move(cell_blocks_)));
  cell_blocks_.clear();
  Step step;
  step.transaction = std::move(part_);
  steps_.push_back(std::move(step));
  if (!last) {
    start_part();
    part_.first_ordinal = ordinal_ + 1;
  }
}

void LogSource::close_transaction(std::uint32_t timestamp_seconds) {
  ++counters_.transactions;
  part_.timestamp_seconds = timestamp_seconds;
  part_.ends_xa = ends_xa_;
  if (!xa_id_.empty()) {
    Transaction rows;
    std::swap(rows.changes, part_.changes);
    std::swap(rows.bindings, part_.bindings);
    std::swap(rows.keeps, part_.keeps);
    rows.keeps.push_back(
        std::make_shared<std::vector<std::vector<protocol::Cell>>>(std::move(cell_blocks_)));
    rows.bytes = std::exchange(part_.bytes, 0);
    cell_blocks_.clear();
    prepared_[xa_id_] = std::move(rows);
    part_.prepares_xa = xa_id_;
  }
  emit_part(true);
}

}  // namespace tiderelay::applier
