#include "applier/ddl_parser.h"

#include <algorithm>
#include <limits>

#include "applier/ddl_parser_impl.h"

namespace tiderelay::applier {

Token DdlParser::take() {
  const Token& token = peek();
  if (token.kind != TokenKind::kEnd) ++at_;
  return token;
}

bool DdlParser::accept(std::string_view word) {
  if (!is(word)) return false;
  ++at_;
  return true;
}

bool DdlParser::accept(std::initializer_list<std::string_view> words) {
  std::size_t ahead = 0;
  for (const std::string_view word : words) {
    if (!is(word, ahead++)) return false;
  }
  at_ += words.size();
  return true;
}

bool DdlParser::accept_any(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (accept(word)) return true;
  }
  return false;
}

bool DdlParser::accept_symbol(char symbol) {
  if (!is_symbol(symbol)) return false;
  ++at_;
  return true;
}

void DdlParser::expect(std::string_view word) {
  if (!accept(word)) fail("expected " + std::string(word));
}

void DdlParser::expect_symbol(char symbol) {
  if (!accept_symbol(symbol)) fail(std::string("expected '") + symbol + "'");
}

void DdlParser::fail(std::string what) {
  if (failure_) return;
  const Token& token = peek();
  const std::string found =
      token.kind == TokenKind::kEnd
          ? "the end of the statement"
          : "\"" + clean_.substr(token.begin, std::min<std::size_t>(token.end - token.begin, 40)) +
                "\"";
  failure_ =
      Error(Errc::kUnsupported, "cannot parse the statement at byte " +
                                    std::to_string(token.begin) + ": " + what + ", found " + found);
  at_ = tokens_.size() - 1;
}

std::string DdlParser::name(std::string_view what) {
  if (!is_name()) {
    fail("expected " + std::string(what));
    return {};
  }
  return take().text;
}

TableName DdlParser::table_name() {
  TableName out;
  if (accept_symbol('.')) {
    out.table = name("a table name");
    return out;
  }
  out.table = name("a table name");
  if (accept_symbol('.')) {
    out.schema = std::move(out.table);
    out.table = name("a table name");
  }
  return out;
}

std::uint64_t DdlParser::number(std::string_view what) {
  const Token& token = peek();
  std::uint64_t value = 0;
  const bool digits = token.kind == TokenKind::kNumber && token.text.size() <= 19 &&
                      token.text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) {
    fail("expected " + std::string(what));
    return 0;
  }
  for (const char c : token.text) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  ++at_;
  return value;
}

std::uint32_t DdlParser::small_number(std::string_view what) {
  const std::uint64_t value = number(what);
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    fail(std::string(what) + " is too large");
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

// 'a' 'b' is one string; an introducer (_utf8mb4'a') says nothing new in UTF-8 text.
std::string DdlParser::string_literal(std::string_view what) {
  if (peek().kind == TokenKind::kWord && peek().text[0] == '_' &&
      peek(1).kind == TokenKind::kString) {
    ++at_;
  }
  if (peek().kind != TokenKind::kString) {
    fail("expected " + std::string(what));
    return {};
  }
  std::string text;
  while (peek().kind == TokenKind::kString) text += take().text;
  return text;
}

std::string DdlParser::word_or_string(std::string_view what) {
  if (peek().kind == TokenKind::kString) return string_literal(what);
  return name(what);
}

std::string DdlParser::charset_name() {
  return lower_case(word_or_string("the name of a character set or collation"));
}

std::string DdlParser::spelled(std::size_t first, std::size_t last) const {
  std::string text;
  for (std::size_t i = first; i < last; ++i) {
    const Token& token = tokens_[i];
    if (i > first && tokens_[i - 1].end != token.begin) text += ' ';
    if (token.kind == TokenKind::kQuotedName) {
      text += quoted_name(token.text);
    } else if (token.kind == TokenKind::kString) {
      text += quoted_string(token.text);
    } else {
      text += clean_.substr(token.begin, token.end - token.begin);
    }
  }
  return text;
}

std::string DdlParser::balanced() {
  expect_symbol('(');
  const std::size_t first = at_;
  for (int depth = 1; !at_end();) {
    if (is_symbol('(')) ++depth;
    if (is_symbol(')') && --depth == 0) {
      std::string text = spelled(first, at_);
      ++at_;
      return text;
    }
    ++at_;
  }
  fail("a parenthesis is not closed");
  return {};
}

bool DdlParser::if_exists() { return accept({"IF", "EXISTS"}); }
bool DdlParser::if_not_exists() { return accept({"IF", "NOT", "EXISTS"}); }

void DdlParser::lock_wait() {
  if (accept("NOWAIT")) return;
  if (is("WAIT") && peek(1).kind == TokenKind::kNumber) at_ += 2;
}

void DdlParser::skipped(std::string_view what) {
  out_.kind = StatementKind::kSkipped;
  out_.skipped = what;
  at_ = tokens_.size() - 1;
}

void DdlParser::statement() {
  if (accept("CREATE")) return create();
  if (accept("ALTER")) return alter();
  if (accept("DROP")) return drop();
  if (accept("RENAME")) return rename();
  if (accept("TRUNCATE")) return truncate();
  other_statement();
}

void DdlParser::other_statement() {
  struct Row {
    std::string_view word;
    std::string_view skipped;
  };
  static constexpr Row kRows[] = {
      {"BEGIN", "transaction"},
      {"COMMIT", "transaction"},
      {"ROLLBACK", "transaction"},
      {"SAVEPOINT", "transaction"},
      {"RELEASE", "transaction"},
      {"START", "transaction"},
      {"XA", "xa"},
      {"INSERT", "rows"},
      {"UPDATE", "rows"},
      {"DELETE", "rows"},
      {"REPLACE", "rows"},
      {"LOAD", "rows"},
      {"WITH", "rows"},
      {"SELECT", "rows"},
      {"CALL", "rows"},
      {"DO", "rows"},
      {"GRANT", "account"},
      {"REVOKE", "account"},
      {"FLUSH", "flush"},
      {"ANALYZE", "maintenance"},
      {"OPTIMIZE", "maintenance"},
      {"REPAIR", "maintenance"},
      {"CHECK", "maintenance"},
      {"CHECKSUM", "maintenance"},
      {"CACHE", "maintenance"},
      {"INSTALL", "other"},
      {"UNINSTALL", "other"},
      {"LOCK", "other"},
      {"UNLOCK", "other"},
      {"USE", "other"},
      {"KILL", "other"},
      {"HANDLER", "other"},
      {"RESET", "other"},
      {"PURGE", "other"},
      {"IMPORT", "other"},
      {"CHANGE", "other"},
  };
  if (is("SET")) {
    const bool account = is("PASSWORD", 1) || is("ROLE", 1) || is("DEFAULT", 1);
    return skipped(account ? "account" : "set");
  }
  for (const Row& row : kRows) {
    if (is(row.word)) return skipped(row.skipped);
  }
  out_.kind = StatementKind::kUnknown;
  at_ = tokens_.size() - 1;
}

// CREATE, ALTER or DROP of what tables do not depend on: the first word that names a kind of
// object, behind OR REPLACE, DEFINER = ..., ALGORITHM = ..., SQL SECURITY ... .
void DdlParser::classify_object() {
  struct Row {
    std::string_view word;
    std::string_view skipped;
  };
  static constexpr Row kRows[] = {
      {"VIEW", "view"},          {"TRIGGER", "trigger"},
      {"PROCEDURE", "routine"},  {"FUNCTION", "routine"},
      {"PACKAGE", "routine"},    {"LIBRARY", "routine"},
      {"EVENT", "event"},        {"USER", "account"},
      {"ROLE", "account"},       {"TABLESPACE", "tablespace"},
      {"LOGFILE", "tablespace"}, {"SEQUENCE", "sequence"},
      {"SERVER", "other"},       {"RESOURCE", "other"},
      {"REFERENCE", "other"},    {"INSTANCE", "other"},
      {"PREPARE", "other"},      {"STATISTICS", "maintenance"},
  };
  const bool creates = out_.event == EventKind::kCreateView;
  for (std::size_t ahead = 0; ahead < 40 && peek(ahead).kind != TokenKind::kEnd; ++ahead) {
    for (const Row& row : kRows) {
      if (!is(row.word, ahead)) continue;
      const bool drops = out_.event == EventKind::kDropView;
      out_.event = EventKind::kUnknown;
      if (row.skipped == "view" && creates) out_.event = EventKind::kCreateView;
      if (row.skipped == "view" && drops) out_.event = EventKind::kDropView;
      return skipped(row.skipped);
    }
  }
  out_.event = EventKind::kUnknown;
  out_.kind = StatementKind::kUnknown;
  at_ = tokens_.size() - 1;
}

void DdlParser::create() {
  out_.or_replace = accept({"OR", "REPLACE"});
  if (is("TEMPORARY") && (is("TABLE", 1) || is("SEQUENCE", 1))) return skipped("temporary table");
  if (accept("TABLE")) return create_table();
  if (accept_any({"DATABASE", "SCHEMA"})) return create_database();
  std::size_t ahead = 0;
  while (ahead < 4 && (is("ONLINE", ahead) || is("OFFLINE", ahead) || is("UNIQUE", ahead) ||
                       is("FULLTEXT", ahead) || is("SPATIAL", ahead) || is("VECTOR", ahead)))
    ++ahead;
  if (is("INDEX", ahead)) return create_index();
  out_.event = EventKind::kCreateView;
  classify_object();
}

void DdlParser::drop() {
  if (is("TEMPORARY")) return skipped("temporary table");
  if (accept("TABLE") || accept("TABLES")) return drop_tables();
  if (accept_any({"DATABASE", "SCHEMA"})) {
    out_.kind = StatementKind::kDropDatabase;
    out_.event = EventKind::kDropDatabase;
    out_.if_exists = if_exists();
    out_.database = name("a database name");
    return;
  }
  if (is("INDEX") || ((is("ONLINE") || is("OFFLINE")) && is("INDEX", 1))) return drop_index();
  out_.event = EventKind::kDropView;
  classify_object();
}

void DdlParser::drop_tables() {
  out_.kind = StatementKind::kDropTable;
  out_.event = EventKind::kDropTable;
  out_.if_exists = if_exists();
  do {
    out_.tables.push_back(table_name());
  } while (accept_symbol(','));
  lock_wait();
  accept_any({"RESTRICT", "CASCADE"});
}

void DdlParser::alter() {
  accept_any({"ONLINE", "OFFLINE"});
  accept("IGNORE");
  if (accept("TABLE")) return alter_table();
  if (accept_any({"DATABASE", "SCHEMA"})) {
    out_.kind = StatementKind::kAlterDatabase;
    out_.event = EventKind::kAlterDatabase;
    const bool named =
        peek().kind == TokenKind::kQuotedName ||
        (is_name() && !is("DEFAULT") && !is("CHARACTER") && !is("CHARSET") && !is("COLLATE") &&
         !is("ENCRYPTION") && !is("READ") && !is("COMMENT") && !is("CHAR"));
    if (named) out_.database = take().text;
    return database_options();
  }
  classify_object();
}

void DdlParser::create_database() {
  out_.kind = StatementKind::kCreateDatabase;
  out_.event = EventKind::kCreateDatabase;
  out_.if_not_exists = if_not_exists();
  out_.database = name("a database name");
  database_options();
}

void DdlParser::database_options() {
  while (!at_end() && !is_symbol(';')) {
    accept("DEFAULT");
    if (accept({"CHARACTER", "SET"}) || accept({"CHAR", "SET"}) || accept("CHARSET")) {
      accept_symbol('=');
      out_.charset.charset = charset_name();
    } else if (accept("COLLATE")) {
      accept_symbol('=');
      out_.charset.collation = charset_name();
    } else if (accept("COMMENT")) {
      accept_symbol('=');
      (void)string_literal("a comment");
    } else if (accept("ENCRYPTION")) {
      accept_symbol('=');
      (void)string_literal("an encryption");
    } else if (accept({"READ", "ONLY"})) {
      accept_symbol('=');
      take();
    } else if (accept({"UPGRADE", "DATA", "DIRECTORY", "NAME"}) ||
               accept({"PLACEMENT", "POLICY"})) {
      at_ = tokens_.size() - 1;
    } else {
      return fail("expected a database option");
    }
  }
}

void DdlParser::rename() {
  if (is("USER")) return skipped("account");
  if (!accept("TABLE") && !accept("TABLES")) return fail("expected TABLE");
  out_.kind = StatementKind::kRenameTable;
  out_.event = EventKind::kRenameTable;
  out_.if_exists = if_exists();
  do {
    out_.tables.push_back(table_name());
    lock_wait();
    expect("TO");
    out_.tables.push_back(table_name());
  } while (accept_symbol(','));
}

void DdlParser::truncate() {
  accept("TABLE");
  out_.kind = StatementKind::kTruncateTable;
  out_.event = EventKind::kTruncateTable;
  out_.tables.push_back(table_name());
  lock_wait();
}

void DdlParser::create_index() {
  out_.kind = StatementKind::kCreateIndex;
  out_.event = EventKind::kCreateIndex;
  AlterClause clause;
  clause.kind = AlterKind::kAddKey;
  clause.begin = peek().begin;
  KeyKind kind = KeyKind::kIndex;
  accept_any({"ONLINE", "OFFLINE"});
  if (accept("UNIQUE")) kind = KeyKind::kUnique;
  if (accept("FULLTEXT")) kind = KeyKind::kFulltext;
  if (accept("SPATIAL")) kind = KeyKind::kSpatial;
  if (accept("VECTOR")) kind = KeyKind::kVector;
  expect("INDEX");
  clause.if_not_exists = if_not_exists();
  clause.key.kind = kind;
  clause.key.name = name("an index name");
  if (accept("USING") || accept("TYPE")) take();
  expect("ON");
  out_.tables.push_back(table_name());
  lock_wait();
  key_parts(clause.key);
  key_options(clause.key);
  while (accept("ALGORITHM") || accept("LOCK")) {
    accept_symbol('=');
    take();
  }
  push(std::move(clause));
}

void DdlParser::drop_index() {
  out_.kind = StatementKind::kDropIndex;
  out_.event = EventKind::kDropIndex;
  accept_any({"ONLINE", "OFFLINE"});
  expect("INDEX");
  AlterClause clause;
  clause.begin = peek().begin;
  clause.if_exists = if_exists();
  clause.name = name("an index name");
  clause.kind =
      same_word(clause.name, "PRIMARY") ? AlterKind::kDropPrimaryKey : AlterKind::kDropKey;
  expect("ON");
  out_.tables.push_back(table_name());
  lock_wait();
  while (accept("ALGORITHM") || accept("LOCK")) {
    accept_symbol('=');
    take();
  }
  push(std::move(clause));
}

Result<DdlStatement> DdlParser::parse() {
  out_.text = clean_;
  if (at_end()) {
    out_.kind = StatementKind::kSkipped;
    out_.skipped = "other";
    return std::move(out_);
  }
  statement();
  while (accept_symbol(';')) {
  }
  if (!at_end()) fail("expected the end of the statement");
  if (failure_) return *failure_;
  return std::move(out_);
}

void set_sql_mode(ParseOptions& options, std::uint64_t sql_mode) {
  options.real_as_float = (sql_mode & 0x1) != 0;
  options.lex.ansi_quotes = (sql_mode & 0x4) != 0;
  options.lex.no_backslash_escapes = (sql_mode & 0x100000) != 0;
}

Result<DdlStatement> parse_statement(std::string_view sql, const ParseOptions& options) {
  Result<LexedText> text = lex(sql, options.lex);
  if (!text) return text.error();
  return DdlParser(std::move(*text), options).parse();
}

}  // namespace tiderelay::applier
