#include "applier/ddl_lexer.h"

#include <algorithm>
#include <optional>

namespace tiderelay::applier {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

class Lexer {
 public:
  Lexer(std::string_view sql, const LexOptions& options) : sql_(sql), options_(options) {
    out_.clean = std::string(sql);
  }

  Result<LexedText> run() {
    while (at_ < sql_.size() && !failure_) one();
    if (!failure_ && open_comments_ > 0) fail(sql_.size(), "a versioned comment is not closed");
    if (failure_) return *failure_;
    out_.tokens.push_back(Token{TokenKind::kEnd, sql_.size(), sql_.size(), ""});
    return std::move(out_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool starts(std::string_view text) const {
    return sql_.substr(at_, text.size()) == text;
  }
  void fail(std::size_t place, const std::string& what) {
    failure_ = Error(Errc::kCorrupt, what + " (byte " + std::to_string(place) + ")");
  }
  void push(TokenKind kind, std::size_t begin, std::string text) {
    out_.tokens.push_back(Token{kind, begin, at_, std::move(text)});
  }
  void blank(std::size_t from, std::size_t to) {
    std::fill(out_.clean.begin() + static_cast<std::ptrdiff_t>(from),
              out_.clean.begin() + static_cast<std::ptrdiff_t>(to), ' ');
  }

  void one() {
    const char c = peek();
    if (is_space(c) || c == '\0') {
      ++at_;
    } else if (c == '#' || (starts("--") && (at_ + 2 >= sql_.size() || is_space(peek(2)) ||
                                             static_cast<unsigned char>(peek(2)) < 0x20))) {
      const std::size_t begin = at_;
      at_ = std::min(sql_.find('\n', at_), sql_.size());
      blank(begin, at_);
    } else if (starts("/*")) {
      comment();
    } else if (open_comments_ > 0 && starts("*/")) {
      blank(at_, at_ + 2);
      at_ += 2;
      --open_comments_;
    } else if (c == '`') {
      quoted_name_token('`');
    } else if (c == '"' && options_.ansi_quotes) {
      quoted_name_token('"');
    } else if (c == '\'' || c == '"') {
      string(at_);
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)) && !after_name())) {
      number();
    } else if (is_word(c)) {
      word();
    } else {
      ++at_;
      push(TokenKind::kSymbol, at_ - 1, std::string(1, c));
    }
  }

  // "a.1b" names a column: digits after "name." do not begin a number.
  [[nodiscard]] bool after_name() const {
    if (out_.tokens.empty()) return false;
    const Token& last = out_.tokens.back();
    return last.end == at_ &&
           (last.kind == TokenKind::kWord || last.kind == TokenKind::kQuotedName);
  }
  [[nodiscard]] bool after_name_dot() const {
    const std::size_t count = out_.tokens.size();
    if (count < 2 || out_.tokens[count - 1].text != "." || out_.tokens[count - 1].end != at_)
      return false;
    const TokenKind before = out_.tokens[count - 2].kind;
    return before == TokenKind::kWord || before == TokenKind::kQuotedName;
  }

  void comment() {
    const std::size_t begin = at_;
    if (const std::size_t mark = executed_mark(); mark > 0) {
      at_ += mark;
      blank(begin, at_);
      ++open_comments_;
      return;
    }
    const std::size_t end = comment_end(at_ + 2);
    if (end == std::string_view::npos) return fail(begin, "a comment is not closed");
    at_ = end;
    blank(begin, at_);
  }

  // A comment that is not executed may hold another comment when it is a versioned one.
  [[nodiscard]] std::size_t comment_end(std::size_t from) const {
    const bool nests = from < sql_.size() && sql_[from] == '!';
    int depth = 1;
    for (std::size_t i = from; i + 1 < sql_.size(); ++i) {
      if (sql_[i] == '*' && sql_[i + 1] == '/') {
        if (--depth == 0) return i + 2;
        ++i;
      } else if (nests && sql_[i] == '/' && sql_[i + 1] == '*') {
        ++depth;
        ++i;
      }
    }
    return std::string_view::npos;
  }

  // Length of "/*!", "/*!80023", "/*M!100301" or "/*T![feature]" when the source executes it.
  [[nodiscard]] std::size_t executed_mark() const {
    const bool maria = options_.dialect == Dialect::kMariaDb;
    if (options_.dialect == Dialect::kTidb && starts("/*T!")) {
      std::size_t end = at_ + 4;
      if (end < sql_.size() && sql_[end] == '[')
        end = std::min(sql_.find(']', end), sql_.size() - 1) + 1;
      return end - at_;
    }
    std::size_t digits = 3;
    if (maria && (starts("/*M!") || starts("/*m!"))) {
      digits = 4;
    } else if (!starts("/*!")) {
      return 0;
    }
    std::size_t count = 0;
    std::uint32_t version = 0;
    while (count < 6 && is_digit(peek(digits + count))) {
      version = version * 10 + static_cast<std::uint32_t>(peek(digits + count) - '0');
      ++count;
    }
    if (count < 5) return digits;  // without a version: always executed
    if (maria && version >= 50700 && version <= 99999) return 0;
    if (options_.server_version != 0 && version > options_.server_version) return 0;
    if (version >= 999999) return 0;  // a marker for clients
    return digits + count;
  }

  void quoted_name_token(char quote) {
    const std::size_t begin = at_++;
    std::string text;
    for (; at_ < sql_.size(); ++at_) {
      if (sql_[at_] != quote) {
        text += sql_[at_];
      } else if (peek(1) == quote) {
        text += quote;
        ++at_;
      } else {
        ++at_;
        return push(TokenKind::kQuotedName, begin, std::move(text));
      }
    }
    fail(begin, "a quoted name is not closed");
  }

  static char escaped(char c) {
    switch (c) {
      case '0':
        return '\0';
      case 'b':
        return '\b';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'Z':
        return '\x1a';
      default:
        return c;
    }
  }

  void string(std::size_t begin) {
    const char quote = sql_[at_++];
    std::string text;
    for (; at_ < sql_.size(); ++at_) {
      const char c = sql_[at_];
      if (c == '\\' && !options_.no_backslash_escapes && at_ + 1 < sql_.size()) {
        const char next = sql_[++at_];
        if (next == '%' || next == '_') text += '\\';
        text += escaped(next);
      } else if (c != quote) {
        text += c;
      } else if (peek(1) == quote) {
        text += quote;
        ++at_;
      } else {
        ++at_;
        return push(TokenKind::kString, begin, std::move(text));
      }
    }
    fail(begin, "a string is not closed");
  }

  void quoted_digits(TokenKind kind) {
    const std::size_t begin = at_;
    const std::size_t end = sql_.find('\'', at_ + 2);
    if (end == std::string_view::npos) return fail(begin, "a literal is not closed");
    std::string digits(sql_.substr(at_ + 2, end - at_ - 2));
    at_ = end + 1;
    push(kind, begin, std::move(digits));
  }

  void number() {
    const std::size_t begin = at_;
    std::size_t end = at_;
    while (end < sql_.size() && is_word(sql_[end])) ++end;
    const std::string_view all = sql_.substr(at_, end - at_);
    const bool named = after_name_dot();
    const auto digits =
        static_cast<std::size_t>(std::find_if_not(all.begin(), all.end(), is_digit) - all.begin());
    if (!named && all.size() > 2 && all.starts_with("0x") &&
        std::all_of(all.begin() + 2, all.end(), is_hex)) {
      at_ = end;
      return push(TokenKind::kHex, begin, std::string(all.substr(2)));
    }
    if (!named && all.size() > 2 && all.starts_with("0b") &&
        all.find_first_not_of("01", 2) == std::string_view::npos) {
      at_ = end;
      return push(TokenKind::kBit, begin, std::string(all.substr(2)));
    }
    const bool exponent =
        digits < all.size() && digits > 0 && lower(all[digits]) == 'e' &&
        (digits + 1 < all.size() ? is_digit(all[digits + 1])
                                 : end < sql_.size() && (sql_[end] == '+' || sql_[end] == '-'));
    if (named || (digits < all.size() && !exponent)) {  // "1st" is a name
      at_ = end;
      return push(TokenKind::kWord, begin, std::string(all));
    }
    at_ += digits;
    if (peek() == '.') {
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (lower(peek()) == 'e' &&
        (is_digit(peek(1)) || ((peek(1) == '+' || peek(1) == '-') && is_digit(peek(2))))) {
      at_ += 2;
      while (is_digit(peek())) ++at_;
    }
    push(TokenKind::kNumber, begin, std::string(sql_.substr(begin, at_ - begin)));
  }

  void word() {
    const std::size_t begin = at_;
    if (peek(1) == '\'') {
      const char first = lower(peek());
      if (first == 'x') return quoted_digits(TokenKind::kHex);
      if (first == 'b') return quoted_digits(TokenKind::kBit);
      if (first == 'n') {
        ++at_;
        return string(begin);
      }
    }
    while (is_word(peek())) ++at_;
    push(TokenKind::kWord, begin, std::string(sql_.substr(begin, at_ - begin)));
  }

  const std::string_view sql_;
  const LexOptions& options_;
  std::size_t at_ = 0;
  int open_comments_ = 0;
  LexedText out_;
  std::optional<Error> failure_;
};

}  // namespace

Result<LexedText> lex(std::string_view sql, const LexOptions& options) {
  return Lexer(sql, options).run();
}

std::string quoted_string(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    switch (c) {
      case '\'':
        out += "''";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\0':
        out += "\\0";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\x1a':
        out += "\\Z";
        break;
      default:
        out += c;
    }
  }
  return out += '\'';
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

}  // namespace tiderelay::applier
