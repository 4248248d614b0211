#include "applier/target_schema.h"

#include <algorithm>
#include <cctype>

#include "applier/charset_rules.h"
#include "applier/ddl_lexer.h"
#include "applier/default_folding.h"
#include "applier/schema_builder.h"
#include "applier/schema_sql.h"

namespace tiderelay::applier {
namespace {

using NoteKind = TranslationNote::Kind;

class Translator {
 public:
  Translator(const TableSchema& source, const TableName& name, const Target& target,
             const RouteOf& route)
      : source_(source), target_(target), route_(route) {
    out_.schema = source;
    out_.schema.name = name;
  }

  Result<TargetSchema> run() {
    map_table_charset();
    for (Column& column : out_.schema.columns) {
      const Result<void> mapped = map_column(column);
      if (!mapped) return mapped.error().in(place());
    }
    const Result<void> keys = map_keys();
    if (!keys) return keys.error().in(place());
    map_foreign_keys();
    map_checks();
    map_options();
    map_partitions();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool tidb() const { return target_.kind == TargetKind::kTidb; }
  [[nodiscard]] std::string place() const {
    return "table " + quoted_name(source_.name.schema) + "." + quoted_name(source_.name.table);
  }
  void note(NoteKind kind, const std::string& text) {
    out_.notes.push_back({kind, place() + ": " + text});
  }
  void note(NoteKind kind, const Column& column, const std::string& text) {
    note(kind, "column " + quoted_name(column.name) + " " + text);
  }
  void note(NoteKind kind, const Key& key, const std::string& text) {
    note(kind, "key " + quoted_name(key.name) + " " + text);
  }

  [[nodiscard]] bool in_unique_key(const std::string& column) const {
    for (const Key& key : source_.keys) {
      if (!key.unique()) continue;
      for (const KeyPart& part : key.parts)
        if (same_word(part.column, column)) return true;
    }
    return false;
  }

  void map_table_charset() {
    TableSchema& table = out_.schema;
    if (table.collation.empty()) return;
    const MappedCollation mapped = map_collation(table.collation, false, target_);
    table.charset = mapped.charset;
    table.collation = mapped.collation;
  }

  Result<void> map_column(Column& column) {
    if (column.is_character()) map_charset(column);
    if (const Result<void> type = map_type(column); !type) return type.error();
    if (column.compressed && target_.kind != TargetKind::kMariadb) {
      column.compressed = false;
      note(NoteKind::kDropped, column, "is stored uncompressed");
    }
    const bool invisible = target_.kind == TargetKind::kMariadb
                               ? target_.version >= 100300
                               : target_.kind == TargetKind::kMysql && target_.version >= 80023;
    if (column.invisible && !invisible) {
      column.invisible = false;
      note(NoteKind::kDropped, column, "becomes visible: the target has no invisible columns");
    }
    map_default(column);
    return {};
  }

  // An ENUM or SET whose elements the target's collation may confuse keeps them apart by _bin.
  [[nodiscard]] static bool elements_clear(const Column& column) {
    std::vector<std::string> lower;
    for (const std::string& element : column.elements) {
      for (const char c : element)
        if (static_cast<unsigned char>(c) >= 0x80) return false;
      lower.push_back(lower_case(element));
    }
    std::sort(lower.begin(), lower.end());
    return std::adjacent_find(lower.begin(), lower.end()) == lower.end();
  }

  void map_charset(Column& column) {
    const std::string source = column.collation;
    const std::uint32_t source_bytes = max_bytes_of(column.charset);
    const bool unique = in_unique_key(column.name);
    MappedCollation mapped = map_collation(source, unique, target_);
    const bool elements = column.type == SqlType::kEnum || column.type == SqlType::kSet;
    if (elements && mapped.merges && !elements_clear(column))
      mapped = MappedCollation{"utf8mb4", "utf8mb4_bin", false, true};
    column.charset = mapped.charset;
    column.collation = mapped.collation;
    if (!mapped.exact()) {
      out_.collations.push_back(
          {column.name, source, mapped.collation, unique, mapped.merges, mapped.splits});
      if (unique && mapped.merges)
        note(NoteKind::kRisk, column,
             "compares by " + mapped.collation + " instead of " + source +
                 ": values that the source keeps apart may be equal in a unique key (error 1062)");
      else
        note(NoteKind::kMapped, column,
             "compares by " + mapped.collation + " instead of " + source);
    }
    if (max_bytes_of(column.charset) > source_bytes) widen(column);
  }

  // The same characters need more bytes in utf8mb4.
  void widen(Column& column) {
    const std::string before = column.type_text;
    if (column.type == SqlType::kTinyText)
      column.type = SqlType::kText;
    else if (column.type == SqlType::kText)
      column.type = SqlType::kMediumText;
    else if (column.type == SqlType::kMediumText)
      column.type = SqlType::kLongText;
    else if (column.type == SqlType::kVarchar &&
             std::uint64_t{column.length} * max_bytes_of(column.charset) > 65535) {
      column.type = SqlType::kMediumText;
      column.length = 0;
    }
    column.type_text = type_text_of(column);
    if (column.type_text != before)
      note(NoteKind::kMapped, column,
           "is " + column.type_text + " instead of " + before + ", for the wider character set");
  }

  static void replace_type(Column& column, SqlType type, std::string text) {
    column.type = type;
    column.type_text = std::move(text);
    column.srid.reset();
  }

  Result<void> map_type(Column& column) {
    const bool maria = target_.kind == TargetKind::kMariadb;
    switch (column.type) {
      case SqlType::kGeometry:
        if (!tidb()) {
          if (maria) column.srid.reset();
          return {};
        }
        replace_type(column, SqlType::kLongBlob, "longblob");
        note(NoteKind::kDropped, column, "keeps the bytes of its geometry as longblob");
        return {};
      case SqlType::kVector:
        if ((tidb() && target_.version >= 80400) ||
            (target_.kind == TargetKind::kMysql && target_.version >= 90000) ||
            (maria && target_.version >= 110701))
          return {};
        replace_type(column, SqlType::kLongBlob, "longblob");
        note(NoteKind::kDropped, column, "keeps the bytes of its vector as longblob");
        return {};
      case SqlType::kUuid:
      case SqlType::kInet:
        if (maria) return {};
        column.length = column.type == SqlType::kUuid ? 36 : 39;
        column.charset = "ascii";
        column.collation = "ascii_bin";
        note(NoteKind::kMapped, column, "keeps its " + column.type_text + " as text");
        replace_type(column, SqlType::kVarchar, "varchar(" + std::to_string(column.length) + ")");
        return {};
      case SqlType::kYear:
        if (column.type_text == "year(2)") column.type_text = "year";
        return {};
      case SqlType::kOther:
        return Error(Errc::kUnsupported, "column " + quoted_name(column.name) + " has the type " +
                                             column.type_text + ", which the target lacks")
            .with_way_out("leave the table out of the task, or make the target table by hand");
      default:
        strip_width(column);
        return {};
    }
  }

  // INT(11) means INT; newer servers warn about it. TINYINT(1) and ZEROFILL keep theirs.
  void strip_width(Column& column) const {
    if (column.type > SqlType::kBigInt || target_.kind == TargetKind::kMariadb) return;
    if (target_.kind == TargetKind::kMysql && target_.version < 80019) return;
    const std::size_t open = column.type_text.find('(');
    if (open == std::string::npos || column.type_text.starts_with("tinyint(1)") ||
        column.type_text.ends_with("zerofill"))
      return;
    column.type_text.erase(open, column.type_text.find(')') + 1 - open);
  }

  void map_default(Column& column) {
    if (!column.default_sql || target_.kind == TargetKind::kMariadb) return;
    const DefaultFolding folded = fold_default(*column.default_sql, column, target_);
    if (folded.default_sql == column.default_sql) return;
    if (folded.default_sql) {
      note(NoteKind::kMapped, column,
           "has the default " + *folded.default_sql + " instead of " + *column.default_sql);
    } else {
      note(NoteKind::kDropped, column,
           "has no default in the target, which does not take " + *column.default_sql);
    }
    column.default_sql = folded.default_sql;
  }

  Result<void> map_keys() {
    std::vector<Key> kept;
    for (Key& key : out_.schema.keys) {
      const Result<bool> keep = map_key(key);
      if (!keep) return keep.error();
      if (*keep) kept.push_back(std::move(key));
    }
    out_.schema.keys = std::move(kept);
    return {};
  }

  Result<bool> map_key(Key& key) {
    if (!tidb()) {
      if (target_.kind == TargetKind::kMysql && target_.version < 80000) key.invisible = false;
      if (key.kind == KeyKind::kVector && target_.kind != TargetKind::kMariadb) {
        note(NoteKind::kDropped, key, "is left out: the target has no such index");
        return false;
      }
      return true;
    }
    if (key.kind >= KeyKind::kFulltext) {
      note(NoteKind::kDropped, key, "is left out: the target has no such index");
      return false;
    }
    key.parser.clear();
    bool descending = false;
    for (KeyPart& part : key.parts) {
      descending = descending || part.descending;
      part.descending = false;
      const Column* column = part.column.empty() ? nullptr : out_.schema.find_column(part.column);
      if (column == nullptr && !tidb_takes_expression(part.expression)) {
        note(key.unique() ? NoteKind::kRisk : NoteKind::kDropped, key,
             "is left out: the target does not index (" + part.expression + ")" +
                 (key.unique() ? ", so it does not enforce its uniqueness" : ""));
        return false;
      }
      if (column != nullptr && part.prefix_length == 0 && needs_prefix(*column))
        part.prefix_length = 255;
    }
    if (descending) note(NoteKind::kMapped, key, "is ascending: the target stores no other order");
    return fit_key(key);
  }

  // Columns that became TEXT or BLOB under translation.
  static bool needs_prefix(const Column& column) {
    return (column.type >= SqlType::kTinyText && column.type <= SqlType::kLongBlob);
  }

  [[nodiscard]] std::uint64_t part_bytes(const KeyPart& part) const {
    const Column* column = part.column.empty() ? nullptr : out_.schema.find_column(part.column);
    if (column == nullptr) return 0;
    const bool text =
        column->is_character() && column->type != SqlType::kEnum && column->type != SqlType::kSet;
    const std::uint32_t length = part.prefix_length > 0 ? part.prefix_length : column->length;
    if (text) return std::uint64_t{length} * max_bytes_of(column->charset);
    const bool bytes = column->type == SqlType::kBinary || column->type == SqlType::kVarbinary ||
                       needs_prefix(*column);
    return bytes ? length : 8;
  }

  // A key over a wider character set may be longer than the target allows.
  Result<bool> fit_key(Key& key) {
    std::uint64_t total = 0;
    for (const KeyPart& part : key.parts) total += part_bytes(part);
    if (total <= target_.max_key_bytes) return true;
    const std::string size = std::to_string(total) + " bytes, and the target allows " +
                             std::to_string(target_.max_key_bytes);
    if (key.kind == KeyKind::kPrimary)
      return Error(Errc::kUnsupported, "the primary key needs " + size)
          .with_way_out(
              "raise max-index-length in TiDB's configuration and max-key-bytes here, or "
              "make the target table by hand");
    if (key.unique()) {
      key.kind = KeyKind::kIndex;
      note(NoteKind::kRisk, key, "is not unique in the target: it needs " + size);
    }
    for (KeyPart& part : key.parts) {
      const std::uint64_t share = target_.max_key_bytes / key.parts.size();
      if (part_bytes(part) <= share) continue;
      const Column& column = *out_.schema.find_column(part.column);
      part.prefix_length = static_cast<std::uint32_t>(
          share / std::max<std::uint32_t>(1, max_bytes_of(column.charset)));
    }
    note(NoteKind::kMapped, key, "covers prefixes: it needs " + size);
    return true;
  }

  void map_foreign_keys() {
    std::vector<ForeignKey> kept;
    const bool partitioned = tidb() && !out_.schema.partition_sql.empty();
    for (ForeignKey& key : out_.schema.foreign_keys) {
      TableName parent = key.parent;
      if (parent.schema.empty()) parent.schema = source_.name.schema;
      std::optional<TableName> routed = parent;
      if (route_) {
        routed = route_(parent);
      } else if (parent.schema == source_.name.schema) {
        routed->schema = out_.schema.name.schema;
      }
      if (!routed || partitioned) {
        note(NoteKind::kDropped, "foreign key " + quoted_name(key.name) +
                                     (partitioned ? " is left out: the table is partitioned"
                                                  : " is left out: its parent is not replicated"));
        continue;
      }
      key.parent = *routed;
      kept.push_back(std::move(key));
    }
    out_.schema.foreign_keys = std::move(kept);
  }

  void map_checks() {
    const bool takes = target_.kind == TargetKind::kMariadb ||
                       (target_.kind == TargetKind::kMysql && target_.version >= 80016);
    if (out_.schema.checks.empty()) return;
    if (!takes) {
      note(NoteKind::kDropped,
           std::to_string(out_.schema.checks.size()) +
               " CHECK constraint(s) are left out: rows were checked at the source");
      out_.schema.checks.clear();
    }
    for (Check& check : out_.schema.checks) {
      if (target_.kind == TargetKind::kMariadb) check.enforced = true;
      // MariaDB names a column's check as the column, in each table; MySQL's names are the
      // schema's.
      const bool implicit = out_.schema.find_column(check.name) != nullptr;
      if (target_.kind == TargetKind::kMysql && implicit) check.name.clear();
    }
  }

  // Other engines than InnoDB are left out: rows and position could not commit together there.
  void map_options() {
    auto& options = out_.schema.options;
    const auto unwanted = [this](const std::pair<std::string, std::string>& option) {
      if (option.first == "AUTO_INCREMENT") return false;
      if (tidb()) return true;
      if (option.first == "ENGINE") return !same_word(option.second, "InnoDB");
      if (option.first == "ROW_FORMAT") {
        return same_word(option.second, "FIXED") || same_word(option.second, "PAGE");
      }
      return option.first != "KEY_BLOCK_SIZE" && !option.first.starts_with("STATS_");
    };
    options.erase(std::remove_if(options.begin(), options.end(), unwanted), options.end());
  }

  void map_partitions() {
    if (!tidb() || out_.schema.partition_sql.empty()) return;
    const std::string text = lower_case(out_.schema.partition_sql);
    if (text.find("subpartition") != std::string::npos)
      note(NoteKind::kDropped, "subpartitions are left out by the target");
    if (text.find("linear") != std::string::npos)
      note(NoteKind::kDropped, "LINEAR partitioning is not linear in the target");
    if (text.starts_with("partition by system_time")) {
      note(NoteKind::kDropped, "the target table is not partitioned by SYSTEM_TIME");
      out_.schema.partition_sql.clear();
    }
  }

  const TableSchema& source_;
  const Target& target_;
  const RouteOf& route_;
  TargetSchema out_;
};

}  // namespace

Result<TargetSchema> target_schema(const TableSchema& source, const TableName& name,
                                   const Target& target, const RouteOf& route) {
  return Translator(source, name, target, route).run();
}

Result<CreateTable> create_table_sql(const TableSchema& source, const TableName& name,
                                     const Target& target, const RouteOf& route,
                                     bool if_not_exists) {
  Result<TargetSchema> mapped = target_schema(source, name, target, route);
  if (!mapped) return mapped.error();
  CreateTable out;
  out.sql = create_sql(mapped->schema);
  if (if_not_exists) out.sql.insert(std::string("CREATE TABLE ").size(), "IF NOT EXISTS ");
  if (target.kind == TargetKind::kTidb &&
      target.primary_key != Target::PrimaryKey::kServerDefault) {
    const bool clustered = target.primary_key == Target::PrimaryKey::kClustered;
    for (const Key& key : mapped->schema.keys) {
      if (key.kind != KeyKind::kPrimary) continue;
      const std::string text = key_sql(key);
      out.sql.insert(out.sql.find(text) + text.size(), clustered ? " CLUSTERED" : " NONCLUSTERED");
    }
  }
  out.notes = std::move(mapped->notes);
  out.collations = std::move(mapped->collations);
  return out;
}

std::string duplicate_check_sql(const TableSchema& source, const Key& key, const Target& target) {
  std::string columns;
  bool changes = false;
  for (const KeyPart& part : key.parts) {
    const Column* column = part.column.empty() ? nullptr : source.find_column(part.column);
    if (column == nullptr) return "";
    std::string one = quoted_name(column->name);
    if (part.prefix_length > 0)
      one = "LEFT(" + one + "," + std::to_string(part.prefix_length) + ")";
    if (column->is_character()) {
      const MappedCollation mapped = map_collation(column->collation, key.unique(), target);
      changes = changes || mapped.merges;
      one = "CONVERT(" + one + " USING utf8mb4) COLLATE " + mapped.collation;
    }
    columns += (columns.empty() ? "" : ", ") + one;
  }
  if (!changes || !key.unique()) return "";
  return "SELECT COUNT(*), " + columns + " FROM " + qualified_name(source.name) + " GROUP BY " +
         columns + " HAVING COUNT(*) > 1 LIMIT 10";
}

}  // namespace tiderelay::applier
