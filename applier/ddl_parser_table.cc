#include "applier/ddl_parser_impl.h"

namespace tiderelay::applier {

void DdlParser::create_table() {
  out_.kind = StatementKind::kCreateTable;
  out_.event = EventKind::kCreateTable;
  out_.if_not_exists = if_not_exists();
  out_.tables.push_back(table_name());
  const bool parenthesised = is_symbol('(') && is("LIKE", 1);
  if (is("LIKE") || parenthesised) {
    if (parenthesised) take();
    take();
    out_.kind = StatementKind::kCreateTableLike;
    out_.tables.push_back(table_name());
    if (parenthesised) expect_symbol(')');
    return;
  }
  if (is_symbol('(') && !is("SELECT", 1) && !is("WITH", 1) && !is_symbol('(', 1)) {
    table_body(out_.table);
  }
  table_tail(out_.table);
}

void DdlParser::table_body(TableDefinition& table) {
  expect_symbol('(');
  do {
    table_element(table);
  } while (accept_symbol(','));
  expect_symbol(')');
}

bool DdlParser::at_key() const {
  if (peek().kind != TokenKind::kWord) return false;
  if (is("PRIMARY") && is("KEY", 1)) return true;
  if (is("FOREIGN") && is("KEY", 1)) return true;
  if (is("FULLTEXT") || is("SPATIAL") || is("UNIQUE") || is("CONSTRAINT")) return true;
  if (is("VECTOR") && (is("INDEX", 1) || is("KEY", 1))) return true;
  if (is("CHECK") && is_symbol('(', 1)) return true;
  if (is("PERIOD") && is("FOR", 1)) return true;
  return is("INDEX") || is("KEY");
}

void DdlParser::table_element(TableDefinition& table) {
  if (at_key()) {
    if (!key_or_constraint(table)) fail("expected a key or a constraint");
    return;
  }
  std::string column = name("a column name");
  if (accept_symbol('.')) column = name("a column name");
  table.columns.push_back(column_definition(std::move(column)));
}

bool DdlParser::key_or_constraint(TableDefinition& table) {
  if (accept({"PERIOD", "FOR"})) {
    if (is("SYSTEM_TIME")) table.system_versioned = true;
    take();
    (void)balanced();
    return true;
  }
  std::string constraint;
  if (accept("CONSTRAINT")) {
    const bool unnamed = peek().kind == TokenKind::kWord &&
                         (is("PRIMARY") || is("UNIQUE") || is("FOREIGN") || is("CHECK"));
    if (!unnamed) {
      if_not_exists();
      constraint = name("a constraint name");
    }
  }
  if (accept({"PRIMARY", "KEY"})) {
    table.keys.push_back(key_definition(KeyKind::kPrimary, std::move(constraint)));
  } else if (accept("UNIQUE")) {
    accept_any({"INDEX", "KEY"});
    table.keys.push_back(key_definition(KeyKind::kUnique, std::move(constraint)));
  } else if (accept("FULLTEXT") || accept("SPATIAL") || accept("VECTOR")) {
    const std::string& word = tokens_[at_ - 1].text;
    const KeyKind kind = same_word(word, "FULLTEXT")  ? KeyKind::kFulltext
                         : same_word(word, "SPATIAL") ? KeyKind::kSpatial
                                                      : KeyKind::kVector;
    accept_any({"INDEX", "KEY"});
    table.keys.push_back(key_definition(kind, ""));
  } else if (accept({"FOREIGN", "KEY"})) {
    table.foreign_keys.push_back(foreign_key_definition(std::move(constraint)));
  } else if (is("CHECK")) {
    table.checks.push_back(check_definition(std::move(constraint)));
  } else if (accept_any({"INDEX", "KEY"})) {
    table.keys.push_back(key_definition(KeyKind::kIndex, ""));
  } else {
    return false;
  }
  return true;
}

Key DdlParser::key_definition(KeyKind kind, std::string constraint_name) {
  Key key;
  key.kind = kind;
  if_not_exists();
  if (is_name() && !is("USING") && !(is("TYPE") && !is_symbol('(', 1))) key.name = take().text;
  if (key.name.empty()) key.name = std::move(constraint_name);
  if (kind == KeyKind::kPrimary) key.name = "PRIMARY";
  if (accept("USING") || accept("TYPE")) take();
  key_parts(key);
  key_options(key);
  return key;
}

void DdlParser::key_parts(Key& key) {
  expect_symbol('(');
  do {
    KeyPart part;
    if (is_symbol('(')) {
      part.expression = balanced();
    } else {
      part.column = name("a column name");
      if (is_symbol('(')) {
        take();
        part.prefix_length = small_number("a prefix length");
        expect_symbol(')');
      }
      accept({"WITHOUT", "OVERLAPS"});
    }
    if (accept("DESC")) {
      part.descending = true;
    } else {
      accept("ASC");
    }
    key.parts.push_back(std::move(part));
  } while (accept_symbol(','));
  expect_symbol(')');
}

void DdlParser::key_options(Key& key) {
  while (!failed()) {
    if (accept("COMMENT")) {
      accept_symbol('=');
      key.comment = string_literal("a comment");
    } else if (accept("INVISIBLE") || accept("IGNORED")) {
      key.invisible = true;
    } else if (accept("VISIBLE") || accept({"NOT", "IGNORED"})) {
      key.invisible = false;
    } else if (accept({"WITH", "PARSER"})) {
      key.parser = name("a parser");
    } else if (accept("USING") || accept("TYPE")) {
      take();
    } else if (accept("KEY_BLOCK_SIZE") || accept("ENGINE_ATTRIBUTE") ||
               accept("SECONDARY_ENGINE_ATTRIBUTE")) {
      accept_symbol('=');
      take();
    } else if (accept_any({"CLUSTERED", "NONCLUSTERED", "GLOBAL", "LOCAL"})) {
    } else if (is_name() && is_symbol('=', 1)) {  // MariaDB: options of a storage engine
      take();
      take();
      take();
    } else {
      return;
    }
  }
}

ForeignKey DdlParser::foreign_key_definition(std::string constraint_name) {
  if_not_exists();
  std::string index_name = is_name() ? take().text : "";
  Key columns;
  key_parts(columns);
  ForeignKey key = references();
  key.name = constraint_name.empty() ? std::move(index_name) : std::move(constraint_name);
  for (KeyPart& part : columns.parts) key.columns.push_back(std::move(part.column));
  return key;
}

ForeignKey DdlParser::references() {
  ForeignKey key;
  expect("REFERENCES");
  key.parent = table_name();
  if (is_symbol('(')) {
    Key columns;
    key_parts(columns);
    for (KeyPart& part : columns.parts) key.parent_columns.push_back(std::move(part.column));
  }
  if (accept("MATCH")) take();
  while (accept("ON")) {
    std::string& action = accept("DELETE") ? key.on_delete : key.on_update;
    if (&action == &key.on_update) expect("UPDATE");
    if (accept({"SET", "NULL"})) {
      action = "SET NULL";
    } else if (accept({"SET", "DEFAULT"})) {
      action = "SET DEFAULT";
    } else if (accept({"NO", "ACTION"})) {
      action = "NO ACTION";
    } else if (accept("CASCADE")) {
      action = "CASCADE";
    } else {
      expect("RESTRICT");
      action = "RESTRICT";
    }
  }
  return key;
}

Check DdlParser::check_definition(std::string constraint_name) {
  Check check;
  check.name = std::move(constraint_name);
  expect("CHECK");
  check.expression = balanced();
  if (accept({"NOT", "ENFORCED"})) {
    check.enforced = false;
  } else {
    accept("ENFORCED");
  }
  return check;
}

std::string DdlParser::option_value() {
  if (at_end()) {
    fail("expected a value");
    return "";
  }
  if (is_symbol('(')) return "(" + balanced() + ")";
  if (peek().kind == TokenKind::kString) return quoted_string(string_literal("a value"));
  const std::size_t first = at_;
  if (is_symbol('-')) take();
  take();
  while (is_symbol('.') && !at_end()) {
    take();
    take();
  }
  return spelled(first, at_);
}

namespace {
constexpr std::string_view kOptions[] = {
    "ENGINE",
    "TYPE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "TABLE_CHECKSUM",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE_ATTRIBUTE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PASSWORD",
    "ROW_FORMAT",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLESPACE",
    "STORAGE",
    "UNION",
    "SECONDARY_ENGINE",
    "AUTOEXTEND_SIZE",
    "TRANSACTIONAL",
    "PAGE_CHECKSUM",
    "SEQUENCE",
    "AUTO_ID_CACHE",
    "AUTO_RANDOM_BASE",
    "SHARD_ROW_ID_BITS",
    "PRE_SPLIT_REGIONS",
    "STATS_BUCKETS",
    "STATS_TOPN",
    "TTL_ENABLE",
    "TTL_JOB_INTERVAL",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "ENCRYPTED",
    "ENCRYPTION_KEY_ID",
    "IETF_QUOTES",
    "AFFINITY",
};
}  // namespace

bool DdlParser::table_option(TableOptions& options) {
  const std::size_t before = at_;
  accept("DEFAULT");
  if (accept({"CHARACTER", "SET"}) || accept({"CHAR", "SET"}) || accept("CHARSET")) {
    accept_symbol('=');
    options.charset.charset = charset_name();
    return true;
  }
  if (accept("COLLATE")) {
    accept_symbol('=');
    options.charset.collation = charset_name();
    return true;
  }
  if (accept("COMMENT")) {
    accept_symbol('=');
    options.comment = string_literal("a comment");
    return true;
  }
  std::string option;
  if ((is("DATA") || is("INDEX")) && is("DIRECTORY", 1)) {
    option = is("DATA") ? "DATA DIRECTORY" : "INDEX DIRECTORY";
    take();
  } else if (is("PLACEMENT") && is("POLICY", 1)) {
    option = "PLACEMENT POLICY";
    take();
  } else if (accept({"WITH", "SYSTEM", "VERSIONING"})) {
    out_.table.system_versioned = true;
    return true;
  } else if (is("TTL") && is_symbol('=', 1)) {
    take();
    take();
    const std::size_t first = at_;
    while (!at_end() && !is("TTL_ENABLE") && !is_symbol(',') && !is_symbol(';')) take();
    options.others.emplace_back("TTL", spelled(first, at_));
    return true;
  } else {
    bool known = is_name() && is_symbol('=', 1);
    for (const std::string_view one : kOptions) known = known || is(one);
    if (!known) {
      at_ = before;
      return false;
    }
    for (const char c : peek().text)
      option += c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  }
  take();
  accept_symbol('=');
  options.others.emplace_back(std::move(option), option_value());
  return true;
}

// "PARTITION BY ..." up to the end of the statement or the query behind it.
std::string DdlParser::partition_text() {
  const std::size_t first = at_;
  int depth = 0;
  while (!at_end() && !is_symbol(';')) {
    if (depth == 0 && at_ > first &&
        (is("SELECT") || is("AS") || is("IGNORE") || is("REPLACE") || is("WITH")))
      break;
    if (is_symbol('(')) ++depth;
    if (is_symbol(')') && --depth < 0) {
      fail("a parenthesis too many");
      break;
    }
    take();
  }
  if (depth > 0) fail("a parenthesis is not closed");
  return spelled(first, at_);
}

void DdlParser::table_tail(TableDefinition& table) {
  while (!failed()) {
    if (is("START") && is("TRANSACTION", 1)) {
      at_ += 2;
      table.start_transaction = true;
    } else if (!table_option(table.options)) {
      if (!is_symbol(',') || table.options.others.empty()) break;
      take();
    }
  }
  if (is("PARTITION") && is("BY", 1)) table.partition_sql = partition_text();
  const std::size_t before = at_;
  accept_any({"IGNORE", "REPLACE"});
  accept("AS");
  if (is("SELECT") || is("WITH") || is("TABLE") || is("VALUES") || is_symbol('(')) {
    table.has_select = true;
    at_ = tokens_.size() - 1;
    return;
  }
  at_ = before;
}

}  // namespace tiderelay::applier
