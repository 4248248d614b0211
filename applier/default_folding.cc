#include "applier/default_folding.h"

#include <charconv>
#include <cstdint>

#include "applier/ddl_lexer.h"

namespace tiderelay::applier {
namespace {

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view one : words) {
    if (same_word(one, word)) return true;
  }
  return false;
}

// Integer arithmetic: + - * and parentheses; nullopt: anything else, or too large.
class Arithmetic {
 public:
  explicit Arithmetic(const std::vector<Token>& tokens) : tokens_(tokens) {}

  std::optional<std::int64_t> run() {
    const std::int64_t value = sum(0);
    if (failed_ || tokens_[at_].kind != TokenKind::kEnd) return std::nullopt;
    return value;
  }

 private:
  [[nodiscard]] bool symbol(char c) {
    if (tokens_[at_].kind != TokenKind::kSymbol || tokens_[at_].text[0] != c) return false;
    ++at_;
    return true;
  }
  std::int64_t sum(int depth) {
    std::int64_t value = product(depth);
    for (;;) {
      if (symbol('+')) {
        failed_ = __builtin_add_overflow(value, product(depth), &value) || failed_;
      } else if (symbol('-')) {
        failed_ = __builtin_sub_overflow(value, product(depth), &value) || failed_;
      } else {
        return value;
      }
    }
  }
  std::int64_t product(int depth) {
    std::int64_t value = atom(depth);
    while (symbol('*')) failed_ = __builtin_mul_overflow(value, atom(depth), &value) || failed_;
    return value;
  }
  std::int64_t atom(int depth) {
    if (depth > 50) failed_ = true;
    if (failed_) return 0;
    if (symbol('-')) return -atom(depth + 1);
    if (symbol('(')) {
      const std::int64_t value = sum(depth + 1);
      if (!symbol(')')) failed_ = true;
      return value;
    }
    const Token& token = tokens_[at_];
    std::int64_t value = 0;
    const char* end = token.text.data() + token.text.size();
    const auto read = std::from_chars(token.text.data(), end, value);
    if (token.kind != TokenKind::kNumber || token.text.size() > 15 || read.ptr != end) {
      failed_ = true;
      return 0;
    }
    ++at_;
    return value;
  }

  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

// The literal that an expression is, perhaps within parentheses; nullopt: it is none.
std::optional<std::string> literal(const std::vector<Token>& tokens) {
  std::size_t first = 0;
  std::size_t last = tokens.size() - 1;
  while (last - first >= 2 && tokens[first].text == "(" && tokens[last - 1].text == ")" &&
         tokens[first].kind == TokenKind::kSymbol && tokens[last - 1].kind == TokenKind::kSymbol) {
    ++first;
    --last;
  }
  if (last - first == 2 && tokens[first].kind == TokenKind::kWord && tokens[first].text[0] == '_' &&
      tokens[first + 1].kind == TokenKind::kString)
    ++first;
  std::string sign;
  if (last - first == 2 && tokens[first].kind == TokenKind::kSymbol && tokens[first].text == "-") {
    sign = "-";
    ++first;
  }
  if (last - first != 1) return std::nullopt;
  const Token& token = tokens[first];
  switch (token.kind) {
    case TokenKind::kNumber:
      return "'" + sign + token.text + "'";
    case TokenKind::kString:
      return sign.empty() ? std::optional(quoted_string(token.text)) : std::nullopt;
    case TokenKind::kHex:
      return "x'" + token.text + "'";
    case TokenKind::kBit:
      return "b'" + token.text + "'";
    case TokenKind::kWord:
      if (same_word(token.text, "NULL")) return "NULL";
      if (same_word(token.text, "TRUE")) return "'1'";
      if (same_word(token.text, "FALSE")) return "'0'";
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// Expressions that TiDB takes in CREATE TABLE: one call of a function of its list.
bool tidb_takes_default(const std::vector<Token>& tokens) {
  std::size_t first = 0;
  while (tokens[first].kind == TokenKind::kSymbol && tokens[first].text == "(") ++first;
  if (tokens[first].kind != TokenKind::kWord) return false;
  int depth = 0;
  for (std::size_t i = first + 1; tokens[i].kind != TokenKind::kEnd; ++i) {
    if (tokens[i].kind != TokenKind::kSymbol) {
      if (depth <= 0) return false;
      continue;
    }
    if (tokens[i].text == "(")
      ++depth;
    else if (tokens[i].text == ")")
      --depth;
    else if (depth <= 0)
      return false;  // an operator behind the call
  }
  const std::string& function = tokens[first].text;
  if (one_of(function, {"uuid", "rand", "now", "current_timestamp", "localtime", "localtimestamp",
                        "current_date", "curdate", "json_array", "json_object", "json_quote"}))
    return true;
  const bool of_uuid = same_word(function, "uuid_to_bin") &&
                       tokens[first + 2].kind == TokenKind::kWord &&
                       same_word(tokens[first + 2].text, "uuid");
  return of_uuid;
}

bool is_large(SqlType type) {
  return (type >= SqlType::kTinyText && type <= SqlType::kLongBlob) || type == SqlType::kJson ||
         type == SqlType::kGeometry;
}

// (now()) of a DATETIME or TIMESTAMP is CURRENT_TIMESTAMP.
std::optional<std::string> now(const std::vector<Token>& tokens, const Column& column) {
  if (column.type != SqlType::kDateTime && column.type != SqlType::kTimestamp) return std::nullopt;
  std::vector<std::string> words;
  for (const Token& token : tokens)
    if (token.kind == TokenKind::kWord || token.kind == TokenKind::kNumber)
      words.push_back(token.text);
    else if (token.kind != TokenKind::kSymbol && token.kind != TokenKind::kEnd)
      return std::nullopt;
  if (words.empty() || words.size() > 2 ||
      !one_of(words[0], {"now", "current_timestamp", "localtime", "localtimestamp"}))
    return std::nullopt;
  for (const Token& token : tokens)
    if (token.kind == TokenKind::kSymbol && token.text != "(" && token.text != ")")
      return std::nullopt;
  const std::string digits = words.size() == 2 ? words[1] : "0";
  if (digits != std::to_string(column.decimals)) return std::nullopt;
  return digits == "0" ? "CURRENT_TIMESTAMP" : "CURRENT_TIMESTAMP(" + digits + ")";
}

}  // namespace

DefaultFolding fold_default(const std::string& default_sql, const Column& column,
                            const Target& target) {
  const bool large = is_large(column.type);
  const bool expression = default_sql.starts_with('(');
  const std::string lower = lower_case(default_sql);
  if (expression && (lower.starts_with("(nextval(") || lower.starts_with("(next value for")))
    return {std::nullopt};  // sequences are MariaDB's
  const bool modern = target.kind == TargetKind::kMysql && target.version >= 80013;
  if (modern) {
    if (large && !expression && default_sql != "NULL") return {"(" + default_sql + ")"};
    return {default_sql};
  }
  if (!expression) {
    if (large && default_sql != "NULL") return {std::nullopt};
    return {default_sql};
  }
  const Result<LexedText> text = lex(default_sql, {});
  if (!text) return {std::nullopt};
  std::optional<std::string> folded = literal(text->tokens);
  if (!folded) folded = now(text->tokens, column);
  if (!folded) {
    const std::optional<std::int64_t> value = Arithmetic(text->tokens).run();
    if (value) folded = "'" + std::to_string(*value) + "'";
  }
  if (folded) {
    if (large && *folded != "NULL") return {std::nullopt};
    return {folded};
  }
  if (target.kind == TargetKind::kTidb && tidb_takes_default(text->tokens) &&
      (!large || column.type == SqlType::kJson))
    return {default_sql};
  return {std::nullopt};
}

bool tidb_takes_expression(std::string_view expression) {
  const Result<LexedText> text = lex(expression, {});
  if (!text) return false;
  const std::vector<Token>& tokens = text->tokens;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].kind != TokenKind::kWord) continue;
    const std::string& word = tokens[i].text;
    if (same_word(word, "returning") || same_word(word, "using")) return false;
    if (tokens[i + 1].kind != TokenKind::kSymbol || tokens[i + 1].text != "(") continue;
    const bool json = lower_case(word).starts_with("json_") && !same_word(word, "json_value");
    const bool known = one_of(
        word, {"lower", "upper",  "md5",     "reverse", "cast",     "vitess_hash", "tidb_shard",
               "char",  "binary", "decimal", "time",    "datetime", "in",          "and",
               "or",    "not",    "between", "like",    "when",     "then",        "else",
               "case",  "is",     "div",     "xor"});
    if (!json && !known) return false;
  }
  return true;
}

}  // namespace tiderelay::applier
