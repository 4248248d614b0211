#include "applier/schema_sql.h"

#include "applier/ddl_lexer.h"

namespace tiderelay::applier {
namespace {

std::string names(const std::vector<std::string>& columns) {
  std::string out = "(";
  for (const std::string& column : columns) {
    if (out.size() > 1) out += ',';
    out += quoted_name(column);
  }
  return out + ")";
}

std::string_view key_words(KeyKind kind) {
  switch (kind) {
    case KeyKind::kPrimary:
      return "PRIMARY KEY";
    case KeyKind::kUnique:
      return "UNIQUE KEY";
    case KeyKind::kFulltext:
      return "FULLTEXT KEY";
    case KeyKind::kSpatial:
      return "SPATIAL KEY";
    case KeyKind::kVector:
      return "VECTOR KEY";
    case KeyKind::kIndex:
      break;
  }
  return "KEY";
}

}  // namespace

std::string qualified_name(const TableName& name) {
  if (name.schema.empty()) return quoted_name(name.table);
  return quoted_name(name.schema) + "." + quoted_name(name.table);
}

std::string column_sql(const Column& column) {
  std::string out = quoted_name(column.name) + " " + column.type_text;
  if (column.compressed) out += " COMPRESSED";
  if (!column.charset.empty()) out += " CHARACTER SET " + column.charset;
  if (!column.collation.empty()) out += " COLLATE " + column.collation;
  if (column.generated != Generated::kNo) {
    out += " GENERATED ALWAYS AS (" + column.generated_expression + ")";
    out += column.generated == Generated::kStored ? " STORED" : " VIRTUAL";
    if (column.not_null) out += " NOT NULL";
  } else {
    out += column.not_null ? " NOT NULL" : " NULL";
  }
  if (column.srid) out += " SRID " + std::to_string(*column.srid);
  if (column.default_sql) out += " DEFAULT " + *column.default_sql;
  if (column.on_update_sql) out += " ON UPDATE " + *column.on_update_sql;
  if (column.auto_increment) out += " AUTO_INCREMENT";
  if (column.invisible) out += " INVISIBLE";
  if (!column.comment.empty()) out += " COMMENT " + quoted_string(column.comment);
  return out;
}

std::string key_parts_sql(const Key& key) {
  std::string out = "(";
  for (const KeyPart& part : key.parts) {
    if (out.size() > 1) out += ',';
    if (part.column.empty()) {
      out += "(" + part.expression + ")";
    } else {
      out += quoted_name(part.column);
      if (part.prefix_length > 0) out += "(" + std::to_string(part.prefix_length) + ")";
    }
    if (part.descending) out += " DESC";
  }
  return out + ")";
}

std::string key_sql(const Key& key) {
  std::string out(key_words(key.kind));
  if (key.kind != KeyKind::kPrimary) out += " " + quoted_name(key.name);
  out += " " + key_parts_sql(key);
  if (!key.parser.empty()) out += " WITH PARSER " + quoted_name(key.parser);
  if (key.invisible) out += " INVISIBLE";
  if (!key.comment.empty()) out += " COMMENT " + quoted_string(key.comment);
  return out;
}

std::string foreign_key_sql(const ForeignKey& key) {
  std::string out = "CONSTRAINT " + quoted_name(key.name) + " FOREIGN KEY " + names(key.columns) +
                    " REFERENCES " + qualified_name(key.parent) + " " + names(key.parent_columns);
  if (!key.on_delete.empty()) out += " ON DELETE " + key.on_delete;
  if (!key.on_update.empty()) out += " ON UPDATE " + key.on_update;
  return out;
}

std::string check_sql(const Check& check) {
  std::string out = check.name.empty() ? "" : "CONSTRAINT " + quoted_name(check.name) + " ";
  out += "CHECK (" + check.expression + ")";
  return check.enforced ? out : out + " NOT ENFORCED";
}

std::string create_sql(const TableSchema& schema) {
  std::string out = "CREATE TABLE " + qualified_name(schema.name) + " (";
  bool first = true;
  const auto add = [&out, &first](const std::string& element) {
    out += first ? "\n  " : ",\n  ";
    out += element;
    first = false;
  };
  for (const Column& column : schema.columns) add(column_sql(column));
  for (const Key& key : schema.keys) add(key_sql(key));
  for (const ForeignKey& key : schema.foreign_keys) add(foreign_key_sql(key));
  for (const Check& check : schema.checks) add(check_sql(check));
  out += "\n)";
  for (const auto& [option, value] : schema.options) out += " " + option + "=" + value;
  if (!schema.charset.empty()) out += " DEFAULT CHARSET=" + schema.charset;
  if (!schema.collation.empty()) out += " COLLATE=" + schema.collation;
  if (!schema.comment.empty()) out += " COMMENT=" + quoted_string(schema.comment);
  if (!schema.partition_sql.empty()) out += "\n" + schema.partition_sql;
  return out;
}

}  // namespace tiderelay::applier
