// relay/sql_tokens.cc: see sql_tokens.h.
#include "relay/sql_tokens.h"

#include <algorithm>

namespace tiderelay::relay {
namespace {

using Kind = SqlToken::Kind;

constexpr std::size_t kStatementMaxBytes = 1U << 20;
constexpr std::size_t kTokensMax = 4096;
constexpr std::size_t kNearBytes = 80;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == '\0';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view sql) : sql_(sql) {}

  Result<std::vector<SqlToken>> run() {
    std::vector<SqlToken> tokens;
    for (;;) {
      if (!skip_blanks()) return sql_syntax_error(sql_.substr(at_));
      SqlToken token;
      token.begin = at_;
      if (at_ < sql_.size() && !take(token)) return sql_syntax_error(sql_.substr(token.begin));
      token.end = at_;
      const bool ended = token.kind == Kind::kEnd;
      tokens.push_back(std::move(token));
      if (ended) return tokens;
      if (tokens.size() > kTokensMax) return sql_syntax_error(sql_.substr(at_));
    }
  }

 private:
  [[nodiscard]] bool at(std::string_view text) const { return sql_.substr(at_).starts_with(text); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0';
  }

  // false: a comment without an end.
  bool skip_blanks() {
    for (;;) {
      while (at_ < sql_.size() && is_space(sql_[at_])) ++at_;
      const bool line = at("#") || (at("--") && (at_ + 2 >= sql_.size() || is_space(peek(2))));
      if (line) {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (at("/*")) {
        const std::size_t end = sql_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return false;
        at_ = end + 2;
      } else {
        return true;
      }
    }
  }

  bool take(SqlToken& token) {
    const char c = peek();
    if (c == '\'' || c == '"') {
      token.kind = Kind::kText;
      return take_quoted(c, token.text);
    }
    if (c == '`') {
      token.kind = Kind::kQuotedName;
      return take_quoted(c, token.text);
    }
    if (c == '@') return take_variable(token);
    if (is_digit(c) || (c == '-' && is_digit(peek(1)))) {
      token.kind = Kind::kNumber;
      token.text = c;
      ++at_;
      while (is_digit(peek()) || peek() == '.') token.text += sql_[at_++];
      return !is_word(peek());
    }
    if (is_word(c)) {
      token.kind = Kind::kWord;
      token.text = lower_ascii(take_word());
      return true;
    }
    token.kind = Kind::kSign;
    token.text = c;
    ++at_;
    if (c == ':' && peek() == '=') token.text += sql_[at_++];
    return std::string_view("=,();.*:").find(c) != std::string_view::npos;
  }

  std::string_view take_word() {
    const std::size_t begin = at_;
    while (at_ < sql_.size() && is_word(sql_[at_])) ++at_;
    return sql_.substr(begin, at_ - begin);
  }

  bool take_variable(SqlToken& token) {
    const bool system = peek(1) == '@';
    token.kind = system ? Kind::kSystemVariable : Kind::kUserVariable;
    at_ += system ? 2 : 1;
    if (peek() == '`' || (!system && (peek() == '\'' || peek() == '"'))) {
      if (!take_quoted(peek(), token.text)) return false;
    } else {
      token.text = take_word();
      while (peek() == '.' && (is_word(peek(1)) || (system && peek(1) == '`'))) {
        ++at_;
        token.text += '.';
        std::string part;
        if (peek() == '`' && !take_quoted('`', part)) return false;
        token.text += part.empty() ? take_word() : std::string_view(part);
      }
    }
    token.text = lower_ascii(token.text);
    return !token.text.empty();
  }

  bool take_quoted(char quote, std::string& into) {
    for (++at_; at_ < sql_.size(); ++at_) {
      const char c = sql_[at_];
      if (c == quote && peek(1) != quote) {
        ++at_;
        return true;
      }
      if (c == quote) {
        ++at_;
      } else if (c == '\\' && quote != '`' && at_ + 1 < sql_.size()) {
        take_escaped(into);
        continue;
      }
      into += c;
    }
    return false;
  }

  void take_escaped(std::string& into) {
    const char c = sql_[++at_];
    constexpr std::string_view kFrom = "0nrtbZ";
    constexpr std::string_view kTo("\0\n\r\t\b\x1a", 6);
    const std::size_t known = kFrom.find(c);
    if (c == '%' || c == '_') into += '\\';  // LIKE decides
    into += known == std::string_view::npos ? c : kTo[known];
  }

  const std::string_view sql_;
  std::size_t at_ = 0;
};

}  // namespace

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

Error sql_syntax_error(std::string_view near) {
  return Error(1064, "42000",
               "You have an error in your SQL syntax; a relay server understands what replicas and "
               "binlog tools ask, near '" +
                   std::string(near.substr(0, kNearBytes)) + "'");
}

Result<std::vector<SqlToken>> tokenize_sql(std::string_view sql) {
  if (sql.size() > kStatementMaxBytes) return sql_syntax_error(sql);
  return Tokenizer(sql).run();
}

}  // namespace tiderelay::relay
