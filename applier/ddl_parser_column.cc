#include <cstdlib>

#include "applier/ddl_parser_impl.h"

namespace tiderelay::applier {
namespace {

struct TypeWord {
  std::string_view word;
  SqlType type;
  std::string_view text;
};

constexpr TypeWord kIntegers[] = {
    {"TINYINT", SqlType::kTinyInt, "tinyint"},
    {"INT1", SqlType::kTinyInt, "tinyint"},
    {"SMALLINT", SqlType::kSmallInt, "smallint"},
    {"INT2", SqlType::kSmallInt, "smallint"},
    {"MEDIUMINT", SqlType::kMediumInt, "mediumint"},
    {"INT3", SqlType::kMediumInt, "mediumint"},
    {"MIDDLEINT", SqlType::kMediumInt, "mediumint"},
    {"INT", SqlType::kInt, "int"},
    {"INTEGER", SqlType::kInt, "int"},
    {"INT4", SqlType::kInt, "int"},
    {"BIGINT", SqlType::kBigInt, "bigint"},
    {"INT8", SqlType::kBigInt, "bigint"},
};
constexpr TypeWord kFixedText[] = {
    {"TINYTEXT", SqlType::kTinyText, "tinytext"},
    {"MEDIUMTEXT", SqlType::kMediumText, "mediumtext"},
    {"LONGTEXT", SqlType::kLongText, "longtext"},
    {"CLOB", SqlType::kLongText, "longtext"},
};
constexpr TypeWord kFixed[] = {
    {"TINYBLOB", SqlType::kTinyBlob, "tinyblob"},
    {"MEDIUMBLOB", SqlType::kMediumBlob, "mediumblob"},
    {"LONGBLOB", SqlType::kLongBlob, "longblob"},
    {"JSON", SqlType::kJson, "json"},
    {"GEOMETRY", SqlType::kGeometry, "geometry"},
    {"POINT", SqlType::kGeometry, "point"},
    {"LINESTRING", SqlType::kGeometry, "linestring"},
    {"POLYGON", SqlType::kGeometry, "polygon"},
    {"MULTIPOINT", SqlType::kGeometry, "multipoint"},
    {"MULTILINESTRING", SqlType::kGeometry, "multilinestring"},
    {"MULTIPOLYGON", SqlType::kGeometry, "multipolygon"},
    {"GEOMETRYCOLLECTION", SqlType::kGeometry, "geometrycollection"},
    {"GEOMCOLLECTION", SqlType::kGeometry, "geometrycollection"},
    {"UUID", SqlType::kUuid, "uuid"},
    {"INET4", SqlType::kInet, "inet4"},
    {"INET6", SqlType::kInet, "inet6"},
};

template <std::size_t kSize>
const TypeWord* find_type(const TypeWord (&words)[kSize], std::string_view word) {
  for (const TypeWord& row : words) {
    if (same_word(row.word, word)) return &row;
  }
  return nullptr;
}

bool any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view one : words) {
    if (same_word(one, word)) return true;
  }
  return false;
}

std::string bytes_of_hex(std::string digits) {
  if (digits.size() % 2 != 0) digits.insert(digits.begin(), '0');
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes += static_cast<char>(std::strtol(digits.substr(i, 2).c_str(), nullptr, 16));
  return bytes;
}

std::string with_length(std::string_view text, std::uint32_t length) {
  return std::string(text) + "(" + std::to_string(length) + ")";
}

}  // namespace

ColumnDefinition DdlParser::column_definition(std::string column_name) {
  ColumnDefinition definition;
  definition.column.name = std::move(column_name);
  column_type(definition);
  column_attributes(definition);
  return definition;
}

void DdlParser::column_type(ColumnDefinition& definition) {
  if (peek().kind != TokenKind::kWord) return fail("expected a column type");
  const std::string word = peek().text;
  const bool known = numeric_type(definition, word) || time_type(definition, word) ||
                     text_type(definition, word) || special_type(definition, word);
  if (!known) fail("expected a column type");
}

void DdlParser::number_attributes(Column& column, std::string text) {
  bool zerofill = false;
  for (;;) {
    if (accept("UNSIGNED")) {
      column.is_unsigned = true;
    } else if (accept("ZEROFILL")) {
      zerofill = true;
      column.is_unsigned = true;
    } else if (!accept("SIGNED")) {
      break;
    }
  }
  if (column.is_unsigned) text += " unsigned";
  if (zerofill) text += " zerofill";
  column.type_text = std::move(text);
}

// FLOAT(p) chooses between the two types, (m,d) only rounds.
void DdlParser::float_arguments(Column& column) {
  if (!accept_symbol('(')) return;
  const std::uint32_t length = small_number("a precision");
  if (accept_symbol(',')) {
    column.length = length;
    column.decimals = static_cast<std::uint8_t>(small_number("a scale"));
  } else if (column.type == SqlType::kFloat && length > 24) {
    column.type = SqlType::kDouble;
  }
  expect_symbol(')');
}

bool DdlParser::numeric_type(ColumnDefinition& definition, std::string_view word) {
  Column& column = definition.column;
  if (const TypeWord* integer = find_type(kIntegers, word)) {
    take();
    column.type = integer->type;
    std::string text(integer->text);
    if (accept_symbol('(')) {
      text = with_length(text, small_number("a display width"));
      expect_symbol(')');
    }
    number_attributes(column, std::move(text));
    return true;
  }
  if (any_of(word, {"BOOL", "BOOLEAN"})) {
    take();
    column.type = SqlType::kTinyInt;
    column.type_text = "tinyint(1)";
    return true;
  }
  if (same_word(word, "SERIAL")) {
    take();
    column.type = SqlType::kBigInt;
    column.is_unsigned = true;
    column.type_text = "bigint unsigned";
    definition.serial = true;
    return true;
  }
  if (any_of(word, {"DECIMAL", "NUMERIC", "DEC", "FIXED", "NUMBER"})) {
    take();
    column.type = SqlType::kDecimal;
    column.length = 10;
    if (accept_symbol('(')) {
      column.length = small_number("a precision");
      if (column.length == 0) column.length = 10;
      if (accept_symbol(',')) column.decimals = static_cast<std::uint8_t>(small_number("a scale"));
      expect_symbol(')');
    }
    number_attributes(column, "decimal(" + std::to_string(column.length) + "," +
                                  std::to_string(column.decimals) + ")");
    return true;
  }
  const bool is_float =
      any_of(word, {"FLOAT", "FLOAT4"}) || (same_word(word, "REAL") && options_.real_as_float);
  if (!is_float && !any_of(word, {"DOUBLE", "FLOAT8", "REAL"})) return false;
  take();
  accept("PRECISION");
  column.type = is_float ? SqlType::kFloat : SqlType::kDouble;
  float_arguments(column);
  std::string text = column.type == SqlType::kFloat ? "float" : "double";
  if (column.length > 0)
    text += "(" + std::to_string(column.length) + "," + std::to_string(column.decimals) + ")";
  number_attributes(column, std::move(text));
  return true;
}

bool DdlParser::time_type(ColumnDefinition& definition, std::string_view word) {
  Column& column = definition.column;
  if (same_word(word, "DATE")) {
    take();
    column.type = SqlType::kDate;
    column.type_text = "date";
    return true;
  }
  if (same_word(word, "YEAR")) {
    take();
    column.type = SqlType::kYear;
    column.type_text = "year";
    if (accept_symbol('(')) {
      if (small_number("a width") == 2) column.type_text = "year(2)";
      expect_symbol(')');
    }
    std::string text = column.type_text;
    number_attributes(column, "");
    column.is_unsigned = false;
    column.type_text = std::move(text);
    return true;
  }
  static constexpr TypeWord kTimes[] = {
      {"TIME", SqlType::kTime, "time"},
      {"DATETIME", SqlType::kDateTime, "datetime"},
      {"TIMESTAMP", SqlType::kTimestamp, "timestamp"},
  };
  const TypeWord* time = find_type(kTimes, word);
  if (time == nullptr) return false;
  take();
  column.type = time->type;
  column.type_text = std::string(time->text);
  if (accept_symbol('(')) {
    const std::uint32_t digits = small_number("fractional digits");
    if (digits > 6) fail("more than 6 fractional digits");
    column.decimals = static_cast<std::uint8_t>(digits);
    if (digits > 0) column.type_text = with_length(time->text, digits);
    expect_symbol(')');
  }
  return true;
}

// CHARACTER SET, ASCII, UNICODE, BYTE, BINARY in any order behind a character type.
void DdlParser::charset_attributes(ColumnDefinition& definition) {
  Column& column = definition.column;
  if (accept("COMPRESSED")) column.compressed = true;
  for (;;) {
    if (accept({"CHARACTER", "SET"}) || accept({"CHAR", "SET"}) || accept("CHARSET")) {
      accept_symbol('=');
      column.charset = charset_name();
    } else if (accept("ASCII")) {
      column.charset = "latin1";
    } else if (accept("UNICODE")) {
      column.charset = "ucs2";
    } else if (accept("BYTE")) {
      column.charset = "binary";
    } else if (accept("BINARY")) {
      definition.binary_collation = true;
    } else {
      return;
    }
  }
}

void DdlParser::elements(Column& column) {
  expect_symbol('(');
  std::string text = column.type_text + "(";
  do {
    std::string element;
    if (peek().kind == TokenKind::kHex) {
      element = bytes_of_hex(take().text);
    } else {
      element = string_literal("an element");
    }
    text += (column.elements.empty() ? "" : ",") + quoted_string(element);
    column.elements.push_back(std::move(element));
  } while (accept_symbol(','));
  expect_symbol(')');
  column.type_text = text + ")";
}

// NATIONAL CHAR, NATIONAL VARCHAR, NCHAR VARYING, NVARCHAR, ... are utf8.
void DdlParser::national_type(ColumnDefinition& definition) {
  bool varying = same_word(take().text, "NVARCHAR");
  if (accept_any({"CHAR", "CHARACTER"})) {
  } else if (accept_any({"VARCHAR", "VARCHARACTER"})) {
    varying = true;
  }
  if (accept("VARYING")) varying = true;
  Column& column = definition.column;
  column.type = varying ? SqlType::kVarchar : SqlType::kChar;
  column.charset = "utf8";
  column.length = 1;
  if (accept_symbol('(')) {
    column.length = small_number("a length");
    expect_symbol(')');
  }
  if (accept("BINARY")) definition.binary_collation = true;
}

bool DdlParser::text_type(ColumnDefinition& definition, std::string_view word) {
  Column& column = definition.column;
  if (any_of(word, {"NATIONAL", "NCHAR", "NVARCHAR"})) {
    national_type(definition);
    return true;
  }
  if (any_of(word, {"CHAR", "CHARACTER", "VARCHAR", "VARCHARACTER", "VARCHAR2"})) {
    const bool var = any_of(word, {"VARCHAR", "VARCHARACTER", "VARCHAR2"});
    take();
    const bool varying = accept("VARYING");
    column.type = var || varying ? SqlType::kVarchar : SqlType::kChar;
    column.length = 1;
    if (accept_symbol('(')) {
      column.length = small_number("a length");
      expect_symbol(')');
    }
    charset_attributes(definition);
    return true;
  }
  if (const TypeWord* text = find_type(kFixedText, word)) {
    take();
    column.type = text->type;
    charset_attributes(definition);
    return true;
  }
  if (same_word(word, "TEXT")) {
    take();
    column.type = SqlType::kText;
    if (accept_symbol('(')) {
      column.length = small_number("a length");
      expect_symbol(')');
    }
    charset_attributes(definition);
    return true;
  }
  if (any_of(word, {"ENUM", "SET"})) {
    take();
    column.type = same_word(word, "ENUM") ? SqlType::kEnum : SqlType::kSet;
    column.type_text = lower_case(word);
    elements(column);
    charset_attributes(definition);
    return true;
  }
  if (!same_word(word, "LONG")) return false;
  take();
  if (accept("VARBINARY")) {
    column.type = SqlType::kMediumBlob;
    column.type_text = "mediumblob";
    return true;
  }
  accept_any({"VARCHAR", "VARCHARACTER"}) || accept({"CHAR", "VARYING"}) ||
      accept({"CHARACTER", "VARYING"});
  column.type = SqlType::kMediumText;
  charset_attributes(definition);
  return true;
}

bool DdlParser::special_type(ColumnDefinition& definition, std::string_view word) {
  Column& column = definition.column;
  if (const TypeWord* fixed = find_type(kFixed, word)) {
    take();
    column.type = fixed->type;
    column.type_text = std::string(fixed->text);
    if (accept("COMPRESSED")) column.compressed = true;
    return true;
  }
  struct Row {
    std::string_view word;
    SqlType type;
    std::uint32_t length;  // without parentheses
  };
  static constexpr Row kRows[] = {
      {"BINARY", SqlType::kBinary, 1}, {"VARBINARY", SqlType::kVarbinary, 1},
      {"RAW", SqlType::kVarbinary, 1}, {"BIT", SqlType::kBit, 1},
      {"BLOB", SqlType::kBlob, 0},     {"VECTOR", SqlType::kVector, 2048},
  };
  for (const Row& row : kRows) {
    if (!same_word(row.word, word)) continue;
    take();
    column.type = row.type;
    column.length = row.length;
    bool written = false;
    if (accept_symbol('(')) {
      column.length = small_number("a length");
      expect_symbol(')');
      written = true;
    }
    const std::string text = row.type == SqlType::kVarbinary ? "varbinary" : lower_case(word);
    const bool show = row.type == SqlType::kVector ? written : row.type != SqlType::kBlob;
    column.type_text = show ? with_length(text, column.length) : text;
    if (accept("COMPRESSED")) column.compressed = true;
    return true;
  }
  return false;
}

std::optional<std::string> DdlParser::now_function() {
  const bool now = is("NOW") && is_symbol('(', 1);
  if (!now && !is("CURRENT_TIMESTAMP") && !is("LOCALTIME") && !is("LOCALTIMESTAMP")) return {};
  take();
  std::uint32_t digits = 0;
  if (accept_symbol('(')) {
    if (!is_symbol(')')) digits = small_number("fractional digits");
    expect_symbol(')');
  }
  return digits == 0 ? "CURRENT_TIMESTAMP" : with_length("CURRENT_TIMESTAMP", digits);
}

// As SHOW CREATE TABLE of MySQL spells it: numbers quoted, functions upper-case, expressions in
// parentheses.
std::string DdlParser::default_value() {
  if (std::optional<std::string> now = now_function()) return *now;
  if (accept("NULL")) return "NULL";
  if (accept("TRUE")) return "'1'";
  if (accept("FALSE")) return "'0'";
  if (is_symbol('(')) return "(" + balanced() + ")";
  const Token& token = peek();
  const bool temporal =
      (is("DATE") || is("TIME") || is("TIMESTAMP")) && peek(1).kind == TokenKind::kString;
  if (temporal) take();
  if (token.kind == TokenKind::kHex) return "x'" + take().text + "'";
  if (token.kind == TokenKind::kBit) return "b'" + take().text + "'";
  if (token.kind == TokenKind::kWord && token.text[0] == '_' &&
      (peek(1).kind == TokenKind::kHex || peek(1).kind == TokenKind::kBit)) {
    take();
    return default_value();
  }
  std::string sign;
  if (accept_symbol('-')) {
    sign = "-";
  } else {
    accept_symbol('+');
  }
  if (peek().kind == TokenKind::kNumber) return "'" + sign + take().text + "'";
  if (accept({"NEXT", "VALUE", "FOR"})) {
    const TableName sequence = table_name();
    return "(NEXT VALUE FOR " +
           (sequence.schema.empty() ? "" : quoted_name(sequence.schema) + ".") +
           quoted_name(sequence.table) + ")";
  }
  if (is_name() && is_symbol('(', 1)) {  // MariaDB: DEFAULT uuid()
    const std::string function = spelled(at_, at_ + 1);
    take();
    return "(" + function + "(" + balanced() + "))";
  }
  if (is("CURRENT_DATE") || is("CURRENT_TIME") || is("CURRENT_USER") || is("UTC_TIMESTAMP") ||
      is("CURRENT_ROLE"))
    return "(" + take().text + ")";
  return quoted_string(string_literal("a default value"));
}

void DdlParser::generated(Column& column) {
  column.generated_expression = balanced();
  column.generated = Generated::kVirtual;
  if (accept_any({"STORED", "PERSISTENT"})) {
    column.generated = Generated::kStored;
  } else {
    accept("VIRTUAL");
  }
}

bool DdlParser::key_attribute(ColumnDefinition& definition) {
  if (accept({"PRIMARY", "KEY"}) || accept("PRIMARY") || accept("KEY")) {
    definition.primary = true;
    accept_any({"CLUSTERED", "NONCLUSTERED"});
  } else if (accept("UNIQUE")) {
    accept("KEY");
    definition.unique = true;
  } else if (accept("AUTO_INCREMENT")) {
    definition.column.auto_increment = true;
  } else if (accept("AUTO_RANDOM")) {
    if (is_symbol('(')) (void)balanced();
  } else {
    return false;
  }
  if (accept("USING")) take();
  accept("GLOBAL");
  return true;
}

bool DdlParser::value_attribute(ColumnDefinition& definition) {
  Column& column = definition.column;
  if (accept({"NOT", "NULL"})) {
    column.not_null = true;
    definition.null_written = false;
    if (accept_any({"ENABLE", "DISABLE"})) take();
  } else if (accept("NULL")) {
    column.not_null = false;
    definition.null_written = true;
  } else if (accept("DEFAULT")) {
    column.default_sql = default_value();
  } else if (accept({"ON", "UPDATE"})) {
    std::optional<std::string> now = now_function();
    if (!now) fail("expected CURRENT_TIMESTAMP");
    column.on_update_sql = std::move(now);
  } else if (accept({"SERIAL", "DEFAULT", "VALUE"})) {
    definition.serial = true;
  } else if (accept("COMMENT")) {
    column.comment = string_literal("a comment");
  } else if (accept("COLLATE")) {
    accept_symbol('=');
    column.collation = charset_name();
  } else if (is("GENERATED") || (is("AS") && is_symbol('(', 1))) {
    if (accept("GENERATED") && !accept("ALWAYS")) accept({"BY", "DEFAULT"});
    expect("AS");
    if (accept_any({"ROW", "IDENTITY"})) {
      out_.table.system_versioned = true;
      accept_any({"START", "END"});
    } else {
      generated(column);
    }
  } else {
    return false;
  }
  return true;
}

bool DdlParser::constraint_attribute(ColumnDefinition& definition) {
  if (is("REFERENCES")) {
    definition.references = references();
    definition.references->columns = {definition.column.name};
  } else if (is("CONSTRAINT") && (is("CHECK", 1) || is("CHECK", 2))) {
    take();
    std::string constraint = is("CHECK") ? "" : name("a constraint name");
    definition.checks.push_back(check_definition(std::move(constraint)));
  } else if (is("CONSTRAINT") && (is("REFERENCES", 1) || is("REFERENCES", 2))) {
    take();
    std::string constraint = is("REFERENCES") ? "" : name("a constraint name");
    definition.references = references();
    definition.references->name = std::move(constraint);
    definition.references->columns = {definition.column.name};
  } else if (is("CHECK")) {
    definition.checks.push_back(check_definition(""));
  } else {
    return false;
  }
  return true;
}

bool DdlParser::storage_attribute(ColumnDefinition& definition) {
  if (accept("INVISIBLE")) {
    definition.column.invisible = true;
  } else if (accept("VISIBLE")) {
    definition.column.invisible = false;
  } else if (accept("COMPRESSED")) {
    definition.column.compressed = true;
    if (accept_symbol('=')) take();
  } else if (accept("SRID") || accept("REF_SYSTEM_ID")) {
    accept_symbol('=');
    definition.column.srid = small_number("a spatial reference system");
  } else if (accept("COLUMN_FORMAT") || accept("STORAGE") || accept("ENGINE_ATTRIBUTE") ||
             accept("SECONDARY_ENGINE_ATTRIBUTE")) {
    accept_symbol('=');
    take();
  } else if (accept({"NOT", "SECONDARY"})) {
  } else if (is("WITH", 0) && is("SYSTEM", 1)) {
    expect("WITH");
    expect("SYSTEM");
    expect("VERSIONING");
  } else if (accept({"WITHOUT", "SYSTEM", "VERSIONING"})) {
  } else if (is_name() && is_symbol('=', 1)) {  // MariaDB: options of a storage engine
    take();
    take();
    take();
  } else {
    return false;
  }
  return true;
}

void DdlParser::column_attributes(ColumnDefinition& definition) {
  while (!failed() && (value_attribute(definition) || key_attribute(definition) ||
                       constraint_attribute(definition) || storage_attribute(definition))) {
  }
}

}  // namespace tiderelay::applier
