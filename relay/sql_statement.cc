// relay/sql_statement.cc: tokens into statements, by recursive descent.
#include "relay/sql_statement.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "relay/sql_tokens.h"

namespace tiderelay::relay {
namespace {

using TokenKind = SqlToken::Kind;
using Kind = SqlStatement::Kind;

constexpr std::size_t kItemsMax = 64;
constexpr int kDepthMax = 8;

constexpr std::string_view kChangingWords[] = {
    "alter",   "analyze", "call",   "change", "create",   "delete",   "drop",   "flush",
    "grant",   "insert",  "load",   "lock",   "optimize", "purge",    "rename", "repair",
    "replace", "reset",   "revoke", "start",  "stop",     "truncate", "update",
};

class Parser {
 public:
  Parser(std::string_view sql, std::vector<SqlToken> tokens)
      : sql_(sql), tokens_(std::move(tokens)) {}

  Result<SqlStatement> run() {
    const bool parsed = parse();
    take_sign(";");
    if (error_) return *error_;
    if (!parsed || now().kind != TokenKind::kEnd) return sql_syntax_error(sql_.substr(now().begin));
    return std::move(statement_);
  }

 private:
  [[nodiscard]] const SqlToken& now() const { return tokens_[at_]; }
  void advance() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  [[nodiscard]] bool is_word(std::string_view word) const {
    return now().kind == TokenKind::kWord && now().text == word;
  }
  bool take_word(std::string_view word) {
    if (!is_word(word)) return false;
    advance();
    return true;
  }
  bool take_words(std::initializer_list<std::string_view> words) {
    const std::size_t begin = at_;
    for (const std::string_view word : words) {
      if (take_word(word)) continue;
      at_ = begin;
      return false;
    }
    return true;
  }
  bool take_sign(std::string_view sign) {
    if (now().kind != TokenKind::kSign || now().text != sign) return false;
    advance();
    return true;
  }
  bool take_number(std::uint64_t& into) {
    const std::string& text = now().text;
    const char* end = text.data() + text.size();
    if (now().kind != TokenKind::kNumber) return false;
    if (std::from_chars(text.data(), end, into).ptr != end) return false;
    advance();
    return true;
  }
  bool take_name(std::string& into) {
    if (now().kind != TokenKind::kWord && now().kind != TokenKind::kQuotedName) return false;
    into = now().text;
    advance();
    return true;
  }
  void skip_rest() {
    while (now().kind != TokenKind::kEnd &&
           !(now().kind == TokenKind::kSign && now().text == ";")) {
      advance();
    }
  }

  bool parse() {
    if (now().kind == TokenKind::kEnd) return true;
    if (take_word("set")) return parse_set();
    if (take_word("select")) return parse_select();
    if (take_word("show")) return parse_show();
    if (take_word("kill")) return parse_kill();
    if (take_word("use")) {
      statement_.kind = Kind::kUse;
      return take_name(statement_.name);
    }
    if (take_word("begin") || take_word("commit") || take_word("rollback")) return true;
    const bool transaction = take_words({"start", "transaction"});
    if (transaction) return skip_rest(), true;
    for (const std::string_view word : kChangingWords) {
      if (!is_word(word)) continue;
      error_ = Error(1290, "HY000",
                     "This is a relay server: it serves binary logs and cannot execute " +
                         std::string(word) + " statements");
      return false;
    }
    return false;
  }

  bool parse_set() {
    statement_.kind = Kind::kSet;
    if (take_word("names") || take_words({"character", "set"}) || take_word("charset") ||
        take_word("transaction") || take_words({"session", "transaction"})) {
      skip_rest();
      return true;
    }
    do {
      SqlItem item;
      if (!parse_assignment(item) || statement_.items.size() >= kItemsMax) return false;
      statement_.items.push_back(std::move(item));
    } while (take_sign(","));
    return true;
  }

  bool parse_assignment(SqlItem& item) {
    item.name = now().text;
    if (now().kind == TokenKind::kUserVariable) {
      item.user = true;
      advance();
    } else if (now().kind == TokenKind::kSystemVariable) {
      item.global = take_scope(item.name);
      advance();
    } else {
      item.global = take_word("global") || take_word("persist");
      if (!item.global && !take_word("session")) take_word("local");
      if (!take_name(item.name)) return false;
      if (item.name == "names") return skip_to_comma(), true;
    }
    if (!take_sign("=") && !take_sign(":=")) return false;
    // ON, DEFAULT, utf8mb4: a word stands for itself here.
    const bool bare = now().kind == TokenKind::kWord && at_ + 1 < tokens_.size() &&
                      tokens_[at_ + 1].text != "(" && now().text != "null";
    if (!bare) return parse_value(item.value, 0);
    item.value.kind = SqlValue::Kind::kText;
    item.value.text = now().text;
    advance();
    return true;
  }
  void skip_to_comma() {
    while (now().kind != TokenKind::kEnd && now().kind != TokenKind::kSign) advance();
  }

  // Cuts "global." and its kind off a variable's name; true: it was the global one.
  static bool take_scope(std::string& name) {
    for (const std::string_view scope : {"global.", "session.", "local."}) {
      if (!name.starts_with(scope)) continue;
      name.erase(0, scope.size());
      return scope == "global.";
    }
    return false;
  }

  bool parse_value(SqlValue& value, int depth) {
    using ValueKind = SqlValue::Kind;
    if (depth > kDepthMax) return false;
    value.text = now().text;
    switch (now().kind) {
      case TokenKind::kText:
        value.kind = ValueKind::kText;
        break;
      case TokenKind::kNumber:
        value.kind = ValueKind::kNumber;
        break;
      case TokenKind::kUserVariable:
        value.kind = ValueKind::kUserVariable;
        break;
      case TokenKind::kSystemVariable:
        value.kind = ValueKind::kSystemVariable;
        take_scope(value.text);
        break;
      case TokenKind::kWord:
        return parse_word_value(value, depth);
      case TokenKind::kQuotedName:
      case TokenKind::kSign:
      case TokenKind::kEnd:
        return false;
    }
    advance();
    return true;
  }

  bool parse_word_value(SqlValue& value, int depth) {
    advance();
    if (value.text == "null") {
      value.kind = SqlValue::Kind::kNull;
      return true;
    }
    if (value.text == "true" || value.text == "false") {
      value.kind = SqlValue::Kind::kNumber;
      value.text = value.text == "true" ? "1" : "0";
      return true;
    }
    value.kind = SqlValue::Kind::kCall;
    if (!take_sign("(")) return value.text == "current_user";
    if (take_sign(")")) return true;
    do {
      SqlValue argument;
      if (!parse_value(argument, depth + 1) || value.arguments.size() >= kItemsMax) return false;
      value.arguments.push_back(std::move(argument));
    } while (take_sign(","));
    return take_sign(")");
  }

  bool parse_select() {
    statement_.kind = Kind::kSelect;
    do {
      SqlItem item;
      const std::size_t begin = now().begin;
      if (is_word("distinct") || take_sign("*")) return refuse_table();
      if (!parse_value(item.value, 0) || statement_.items.size() >= kItemsMax) {
        return has_from() ? refuse_table() : false;
      }
      item.name = sql_.substr(begin, tokens_[at_ - 1].end - begin);
      take_alias(item.name);
      statement_.items.push_back(std::move(item));
    } while (take_sign(","));
    if (take_word("from") && !take_word("dual")) return refuse_table();
    return take_limit();
  }
  void take_alias(std::string& name) {
    const bool as = take_word("as");
    if (now().kind == TokenKind::kText || (as && now().kind == TokenKind::kWord) ||
        now().kind == TokenKind::kQuotedName ||
        (now().kind == TokenKind::kWord && now().text != "from" && now().text != "limit")) {
      name = sql_.substr(now().begin, now().end - now().begin);
      if (now().kind != TokenKind::kWord) name = now().text;
      advance();
    }
  }
  [[nodiscard]] bool has_from() const {
    return std::any_of(tokens_.begin(), tokens_.end(), [](const SqlToken& token) {
      return token.kind == TokenKind::kWord && token.text == "from";
    });
  }
  bool refuse_table() {
    error_ = Error(1142, "42000", "SELECT command denied: a relay server has no tables");
    return false;
  }

  bool take_limit() {
    if (!take_word("limit")) return true;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    if (!take_number(first)) return false;
    if (take_sign(",")) {
      if (!take_number(second)) return false;
      statement_.skip_rows = first;
      statement_.limit_rows = second;
      return true;
    }
    statement_.limit_rows = first;
    return !take_word("offset") || take_number(statement_.skip_rows);
  }

  bool parse_show() {
    struct Row {
      Kind kind;
      std::initializer_list<std::string_view> words;
    };
    static const Row kRows[] = {
        {Kind::kShowLogStatus, {"master", "status"}},
        {Kind::kShowLogStatus, {"binary", "log", "status"}},
        {Kind::kShowLogStatus, {"binlog", "status"}},
        {Kind::kShowLogs, {"binary", "logs"}},
        {Kind::kShowLogs, {"master", "logs"}},
        {Kind::kShowEvents, {"binlog", "events"}},
        {Kind::kShowReplicas, {"slave", "hosts"}},
        {Kind::kShowReplicas, {"replica", "hosts"}},
        {Kind::kShowReplicas, {"replicas"}},
        {Kind::kShowReplicaStatus, {"slave", "status"}},
        {Kind::kShowReplicaStatus, {"replica", "status"}},
        {Kind::kShowReplicaStatus, {"all", "slaves", "status"}},
        {Kind::kShowGrants, {"grants"}},
        {Kind::kShowWarnings, {"warnings"}},
        {Kind::kShowProcesses, {"processlist"}},
        {Kind::kShowProcesses, {"full", "processlist"}},
        {Kind::kShowDatabases, {"databases"}},
        {Kind::kShowDatabases, {"schemas"}},
    };
    if (!take_word("global") && !take_word("session")) take_word("local");
    statement_.kind = Kind::kShowVariables;
    if (take_word("variables")) return parse_filter("variable_name");
    statement_.kind = Kind::kShowStatus;
    if (take_word("status")) return parse_filter("variable_name");
    for (const Row& row : kRows) {
      if (!take_words(row.words)) continue;
      statement_.kind = row.kind;
      return parse_show_rest();
    }
    return false;
  }

  bool parse_show_rest() {
    switch (statement_.kind) {
      case Kind::kShowEvents:
        if (take_word("in") && now().kind == TokenKind::kText) {
          statement_.name = now().text;
          advance();
        }
        if (take_word("from") && !take_number(statement_.number)) return false;
        return take_limit();
      case Kind::kShowLogs:
        take_words({"with", "gtid"});
        return true;
      case Kind::kShowReplicaStatus:
      case Kind::kShowGrants:
      case Kind::kShowWarnings:
        skip_rest();  // FOR CHANNEL, FOR CURRENT_USER(), LIMIT: one answer fits all
        return true;
      case Kind::kShowDatabases:
        return parse_filter("database");
      default:
        return true;
    }
  }

  bool parse_filter(std::string_view column) {
    if (take_word("like")) return take_pattern();
    if (!take_word("where")) return true;
    // [table.]column; more conditions joined by OR name more of the same
    do {
      std::string name;
      if (!take_name(name) || name != column) return false;
      if (take_word("like")) {
        if (!take_pattern()) return false;
        continue;
      }
      statement_.filter.by_names = true;
      const bool list = take_word("in");
      if (list ? !take_sign("(") : !take_sign("=")) return false;
      do {
        if (now().kind != TokenKind::kText) return false;
        statement_.filter.names.push_back(lower_ascii(now().text));
        advance();
      } while (list && take_sign(","));
      if (list && !take_sign(")")) return false;
    } while (take_word("or"));
    return true;
  }
  bool take_pattern() {
    if (now().kind != TokenKind::kText) return false;
    statement_.filter.like = now().text;
    advance();
    return true;
  }

  bool parse_kill() {
    statement_.kind = Kind::kKill;
    if (!take_word("connection")) take_word("query");
    return take_number(statement_.number);
  }

  const std::string_view sql_;
  const std::vector<SqlToken> tokens_;
  std::size_t at_ = 0;
  SqlStatement statement_;
  std::optional<Error> error_;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool sql_like(std::string_view text, std::string_view pattern) {
  // Backtracks to the last % only: the shortest match of what came before it is as good as any.
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_at = 0;
  while (at < text.size()) {
    const bool more = in_pattern < pattern.size();
    if (more && pattern[in_pattern] == '%') {
      star = in_pattern++;
      star_at = at;
      continue;
    }
    const bool escaped = more && pattern[in_pattern] == '\\' && in_pattern + 1 < pattern.size();
    const char wanted = more ? lower(pattern[in_pattern + (escaped ? 1 : 0)]) : '\0';
    if (more && ((!escaped && wanted == '_') || wanted == lower(text[at]))) {
      in_pattern += escaped ? 2 : 1;
      ++at;
      continue;
    }
    if (star == std::string_view::npos) return false;
    in_pattern = star + 1;
    at = ++star_at;
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '%') ++in_pattern;
  return in_pattern == pattern.size();
}

bool NameFilter::takes(std::string_view name) const {
  if (!like && !by_names) return true;
  if (like && sql_like(name, *like)) return true;
  return std::find(names.begin(), names.end(), lower_ascii(name)) != names.end();
}

Result<SqlStatement> parse_statement(std::string_view sql) {
  auto tokens = tokenize_sql(sql);
  if (!tokens) return tokens.error();
  return Parser(sql, std::move(*tokens)).run();
}

}  // namespace tiderelay::relay
