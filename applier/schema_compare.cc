#include "applier/schema_compare.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <map>

#include "applier/charset_rules.h"
#include "applier/ddl_lexer.h"
#include "applier/schema_sql.h"

namespace tiderelay::applier {
namespace {

// Servers spell expressions anew: parentheses, quotes, introducers and spaces come and go.
std::string canonical_expression(const std::string& expression) {
  const Result<LexedText> text = lex(expression, {});
  if (!text) return expression;
  std::string out;
  for (const Token& token : text->tokens) {
    if (token.kind == TokenKind::kSymbol && (token.text == "(" || token.text == ")")) continue;
    if (token.kind == TokenKind::kWord && token.text[0] == '_') continue;
    if (token.kind == TokenKind::kEnd) continue;
    if (!out.empty()) out += ' ';
    out += token.kind == TokenKind::kString ? quoted_string(token.text) : lower_case(token.text);
  }
  return out;
}

std::string canonical_number(std::string text) {
  const bool numeric =
      !text.empty() && text.find_first_not_of("0123456789.-+") == std::string::npos;
  if (!numeric) return text;
  if (text[0] == '+') text.erase(0, 1);
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  const std::size_t sign = text[0] == '-' ? 1 : 0;
  while (text.size() > sign + 1 && text[sign] == '0' && text[sign + 1] != '.') text.erase(sign, 1);
  if (text.empty() || text == "-0" || text == "-") text = "0";
  return text;
}

bool is_number(SqlType type) { return type <= SqlType::kYear; }

std::string canonical_default(const Column& column) {
  if (!column.default_sql || *column.default_sql == "NULL") return "";
  const Result<LexedText> text = lex(*column.default_sql, {});
  if (!text || text->tokens.size() != 2 || text->tokens[0].kind != TokenKind::kString)
    return canonical_expression(*column.default_sql);
  if (is_number(column.type)) return "'" + canonical_number(text->tokens[0].text) + "'";
  std::string value = text->tokens[0].text;
  // Temporal defaults get the column's fractional digits.
  const bool temporal = column.type >= SqlType::kDate && column.type <= SqlType::kTimestamp;
  const bool moment = column.type == SqlType::kDateTime || column.type == SqlType::kTimestamp;
  if (moment && value.size() == 10) value += " 00:00:00";
  if (temporal && value.find('.') != std::string::npos) {
    while (value.back() == '0') value.pop_back();
    if (value.back() == '.') value.pop_back();
  }
  if (column.type == SqlType::kBinary)
    while (!value.empty() && value.back() == '\0') value.pop_back();
  return quoted_string(value);
}

std::string canonical_type(const Column& column) {
  std::string text = lower_case(column.type_text);
  if (column.type <= SqlType::kBigInt) {
    const std::size_t open = text.find('(');
    if (open != std::string::npos) text.erase(open, text.find(')') + 1 - open);
  } else if (column.type == SqlType::kYear) {
    text = "year";
  } else if (!column.elements.empty()) {
    text = column.type_text;
  }
  const std::size_t zerofill = text.find(" zerofill");
  if (zerofill != std::string::npos) text.erase(zerofill);
  return text;
}

std::string canonical_column(const Column& column) {
  Column copy = column;
  copy.name = lower_case(column.name);
  copy.type_text = canonical_type(column);
  copy.charset = column.charset.empty() ? "" : canonical_charset(column.charset);
  copy.collation = column.collation.empty() ? "" : canonical_collation(column.collation);
  copy.generated_expression = canonical_expression(column.generated_expression);
  const std::string value = canonical_default(column);
  copy.default_sql = value.empty() ? std::nullopt : std::optional(value);
  if (copy.on_update_sql) copy.on_update_sql = canonical_expression(*copy.on_update_sql);
  if (copy.srid == 0U) copy.srid.reset();
  if (copy.generated != Generated::kNo) copy.not_null = false;
  return column_sql(copy);
}

std::string canonical_key(const Key& key) {
  Key copy = key;
  copy.name = lower_case(key.name);
  for (KeyPart& part : copy.parts) {
    part.column = lower_case(part.column);
    part.expression = canonical_expression(part.expression);
    part.descending = false;
  }
  return key_sql(copy);
}

std::string canonical_foreign_key(const ForeignKey& key, const TableName& own) {
  ForeignKey copy = key;
  copy.name = lower_case(key.name);
  if (copy.parent.schema == own.schema) copy.parent.schema.clear();
  for (std::string& column : copy.columns) column = lower_case(column);
  for (std::string& column : copy.parent_columns) column = lower_case(column);
  // RESTRICT is what no action means; servers show the one or the other.
  if (copy.on_delete == "RESTRICT" || copy.on_delete == "NO ACTION") copy.on_delete.clear();
  if (copy.on_update == "RESTRICT" || copy.on_update == "NO ACTION") copy.on_update.clear();
  return foreign_key_sql(copy);
}

std::string canonical_partitions(const std::string& partition_sql) {
  const Result<LexedText> text = lex(partition_sql, {});
  if (!text) return partition_sql;
  std::string out;
  for (std::size_t i = 0; i + 1 < text->tokens.size(); ++i) {
    const Token& token = text->tokens[i];
    if (token.kind == TokenKind::kWord && same_word(token.text, "ENGINE")) {
      i += text->tokens[i + 1].text == "=" ? 2 : 1;
      continue;
    }
    if (token.kind == TokenKind::kSymbol && (token.text == "(" || token.text == ")")) continue;
    out += token.kind == TokenKind::kString ? quoted_string(token.text) : lower_case(token.text);
    out += ' ';
  }
  return out;
}

// The lines of a canonical form: what it speaks of -> how it is.
std::map<std::string, std::string> canonical_lines(const TableSchema& schema) {
  std::map<std::string, std::string> lines;
  for (std::size_t i = 0; i < schema.columns.size(); ++i)
    lines["column " + quoted_name(lower_case(schema.columns[i].name))] =
        canonical_column(schema.columns[i]);
  std::string order;
  for (const Column& column : schema.columns)
    order += (order.empty() ? "" : ", ") + lower_case(column.name);
  lines["order of columns"] = order;
  for (const Key& key : schema.keys)
    lines["key " + quoted_name(lower_case(key.name))] = canonical_key(key);
  for (const ForeignKey& key : schema.foreign_keys)
    lines["foreign key " + quoted_name(lower_case(key.name))] =
        canonical_foreign_key(key, schema.name);
  for (const Check& check : schema.checks)
    lines["check " + quoted_name(lower_case(check.name))] =
        canonical_expression(check.expression) + (check.enforced ? "" : " NOT ENFORCED");
  lines["character set"] =
      canonical_charset(schema.charset) + " " + canonical_collation(schema.collation);
  if (!schema.comment.empty()) lines["comment"] = quoted_string(schema.comment);
  if (!schema.partition_sql.empty())
    lines["partitions"] = canonical_partitions(schema.partition_sql);
  return lines;
}

}  // namespace

std::string fingerprint(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    static constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 15U];
  }
  return hex;
}

std::string fingerprint(const TableSchema& schema) {
  std::string text;
  for (const auto& [what, how] : canonical_lines(schema)) text += what + ": " + how + "\n";
  return fingerprint(text);
}

std::string schema_difference(const TableSchema& a, const TableSchema& b,
                              const std::string& name_of_a, const std::string& name_of_b) {
  const auto lines_a = canonical_lines(a);
  const auto lines_b = canonical_lines(b);
  std::string out;
  for (const auto& [what, how] : lines_a) {
    const auto other = lines_b.find(what);
    if (other == lines_b.end()) {
      out += what + ": only in " + name_of_a + ": " + how + "\n";
    } else if (other->second != how) {
      out +=
          what + ": " + how + " in " + name_of_a + ", " + other->second + " in " + name_of_b + "\n";
    }
  }
  for (const auto& [what, how] : lines_b) {
    if (!lines_a.contains(what)) out += what + ": only in " + name_of_b + ": " + how + "\n";
  }
  return out;
}

namespace {

// Families of types whose values go into each other as long as they are large enough.
enum class Family : std::uint8_t { kInteger, kDecimal, kFloating, kText, kBytes, kOther };

Family family_of(const Column& column) {
  if (column.type <= SqlType::kBigInt) return Family::kInteger;
  if (column.type == SqlType::kDecimal) return Family::kDecimal;
  if (column.type == SqlType::kFloat || column.type == SqlType::kDouble) return Family::kFloating;
  if (column.type == SqlType::kBinary || column.type == SqlType::kVarbinary ||
      (column.type >= SqlType::kTinyBlob && column.type <= SqlType::kLongBlob))
    return Family::kBytes;
  if (column.is_character() && column.elements.empty()) return Family::kText;
  return Family::kOther;
}

std::uint64_t capacity(const Column& column) {
  switch (column.type) {
    case SqlType::kTinyText:
    case SqlType::kTinyBlob:
      return 255;
    case SqlType::kText:
    case SqlType::kBlob:
      return 65535;
    case SqlType::kMediumText:
    case SqlType::kMediumBlob:
      return 16777215;
    case SqlType::kLongText:
    case SqlType::kLongBlob:
      return 4294967295U;
    default:
      return column.length;
  }
}

// Why the values of `from` may not fit into `to`; empty: they do.
std::string misfit(const Column& from, const Column& to) {
  const std::string types = from.type_text + " does not fit into " + to.type_text;
  const Family family = family_of(from);
  if (family != family_of(to)) {
    const bool wider = family == Family::kInteger &&
                       (to.type == SqlType::kDecimal && to.length >= to.decimals + 20U);
    return wider ? "" : types;
  }
  switch (family) {
    case Family::kInteger:
      if (from.type > to.type) return types;
      if (from.is_unsigned != to.is_unsigned && !(from.is_unsigned && from.type < to.type))
        return types;
      return "";
    case Family::kDecimal:
      return to.decimals < from.decimals || to.length - to.decimals < from.length - from.decimals
                 ? types
                 : "";
    case Family::kFloating:
      return from.type > to.type ? types : "";
    case Family::kText:
    case Family::kBytes:
      if (from.type == SqlType::kBinary && to.type == SqlType::kBinary && from.length != to.length)
        return types;
      return capacity(to) < capacity(from) ? types : "";
    case Family::kOther:
      break;
  }
  if (from.type != to.type) return types;
  if (from.elements.size() > to.elements.size() ||
      !std::equal(from.elements.begin(), from.elements.end(), to.elements.begin()))
    return types;
  if (to.decimals < from.decimals || (from.type == SqlType::kBit && to.length < from.length))
    return types;
  return "";
}

void compare_columns(const TableSchema& expected, const TableSchema& there, Compatibility& out) {
  for (const Column& column : expected.columns) {
    const std::string name = "column " + quoted_name(column.name);
    const Column* other = there.find_column(column.name);
    if (other == nullptr) {
      // A generated column's values are not written.
      (column.generated == Generated::kNo ? out.errors : out.warnings)
          .push_back(name + " is missing in the target");
      continue;
    }
    if (other->generated != Generated::kNo) continue;
    const std::string why = misfit(column, *other);
    if (!why.empty()) out.errors.push_back(name + ": " + why);
    if (other->not_null && !column.not_null)
      out.warnings.push_back(name + " may be NULL at the source and is NOT NULL in the target");
    if (column.is_character() && other->is_character() &&
        canonical_collation(column.collation) != canonical_collation(other->collation))
      out.warnings.push_back(name + " has the collation " + other->collation + ", expected was " +
                             column.collation);
  }
  for (const Column& column : there.columns) {
    if (expected.find_column(column.name) != nullptr) continue;
    const bool filled = !column.not_null || column.default_sql || column.auto_increment ||
                        column.generated != Generated::kNo;
    const std::string text = "column " + quoted_name(column.name) + " is only in the target";
    if (filled) {
      out.warnings.push_back(text);
    } else {
      out.errors.push_back(text + ", is NOT NULL and has no default");
    }
  }
}

bool same_parts(const Key& a, const Key& b) {
  return std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                    [](const KeyPart& x, const KeyPart& y) {
                      return same_word(x.column, y.column) && x.prefix_length == y.prefix_length &&
                             canonical_expression(x.expression) ==
                                 canonical_expression(y.expression);
                    });
}

void compare_keys(const TableSchema& expected, const TableSchema& there, Compatibility& out) {
  const auto has_unique = [](const TableSchema& table, const Key& key) {
    return std::any_of(table.keys.begin(), table.keys.end(), [&key](const Key& other) {
      return other.unique() && same_parts(key, other);
    });
  };
  for (const Key& key : expected.keys)
    if (key.unique() && !has_unique(there, key))
      out.warnings.push_back("the target has no unique key over " + key_parts_sql(key));
  for (const Key& key : there.keys)
    if (key.unique() && !has_unique(expected, key))
      out.warnings.push_back("only the target has a unique key over " + key_parts_sql(key) +
                             ": rows may be refused with error 1062");
}

}  // namespace

Result<Compatibility> compare_with_target(const TableSchema& source, const TableSchema& there,
                                          const Target& target, const RouteOf& route) {
  const Result<TargetSchema> expected = target_schema(source, there.name, target, route);
  if (!expected) return expected.error();
  Compatibility out;
  compare_columns(expected->schema, there, out);
  compare_keys(expected->schema, there, out);
  return out;
}

}  // namespace tiderelay::applier
