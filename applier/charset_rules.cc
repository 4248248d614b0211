#include "applier/charset_rules.h"

namespace tiderelay::applier {
namespace {

struct CharsetRow {
  std::string_view name;
  std::string_view collation;  // the default one
  std::uint32_t max_bytes;
};
constexpr CharsetRow kCharsets[] = {
    {"armscii8", "armscii8_general_ci", 1}, {"ascii", "ascii_general_ci", 1},
    {"big5", "big5_chinese_ci", 2},         {"binary", "binary", 1},
    {"cp1250", "cp1250_general_ci", 1},     {"cp1251", "cp1251_general_ci", 1},
    {"cp1256", "cp1256_general_ci", 1},     {"cp1257", "cp1257_general_ci", 1},
    {"cp850", "cp850_general_ci", 1},       {"cp852", "cp852_general_ci", 1},
    {"cp866", "cp866_general_ci", 1},       {"cp932", "cp932_japanese_ci", 2},
    {"dec8", "dec8_swedish_ci", 1},         {"eucjpms", "eucjpms_japanese_ci", 3},
    {"euckr", "euckr_korean_ci", 2},        {"gb18030", "gb18030_chinese_ci", 4},
    {"gb2312", "gb2312_chinese_ci", 2},     {"gbk", "gbk_chinese_ci", 2},
    {"geostd8", "geostd8_general_ci", 1},   {"greek", "greek_general_ci", 1},
    {"hebrew", "hebrew_general_ci", 1},     {"hp8", "hp8_english_ci", 1},
    {"keybcs2", "keybcs2_general_ci", 1},   {"koi8r", "koi8r_general_ci", 1},
    {"koi8u", "koi8u_general_ci", 1},       {"latin1", "latin1_swedish_ci", 1},
    {"latin2", "latin2_general_ci", 1},     {"latin5", "latin5_turkish_ci", 1},
    {"latin7", "latin7_general_ci", 1},     {"macce", "macce_general_ci", 1},
    {"macroman", "macroman_general_ci", 1}, {"sjis", "sjis_japanese_ci", 2},
    {"swe7", "swe7_swedish_ci", 1},         {"tis620", "tis620_thai_ci", 1},
    {"ucs2", "ucs2_general_ci", 2},         {"ujis", "ujis_japanese_ci", 3},
    {"utf16", "utf16_general_ci", 4},       {"utf16le", "utf16le_general_ci", 4},
    {"utf32", "utf32_general_ci", 4},       {"utf8mb3", "utf8mb3_general_ci", 3},
    {"utf8mb4", "utf8mb4_general_ci", 4},
};

const CharsetRow* find_charset(std::string_view name) {
  for (const CharsetRow& row : kCharsets) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace

std::string canonical_charset(std::string_view name) {
  std::string lower = lower_case(name);
  return lower == "utf8" ? "utf8mb3" : lower;
}

std::string canonical_collation(std::string_view name) {
  std::string lower = lower_case(name);
  return lower.starts_with("utf8_") ? "utf8mb3" + lower.substr(4) : lower;
}

std::string charset_of(std::string_view collation) {
  return canonical_charset(collation.substr(0, collation.find('_')));
}

std::string binary_collation_of(std::string_view charset) {
  return charset == "binary" ? "binary" : canonical_charset(charset) + "_bin";
}

std::uint32_t max_bytes_of(std::string_view charset) {
  const CharsetRow* row = find_charset(canonical_charset(charset));
  return row == nullptr ? 0 : row->max_bytes;
}

std::string CharsetDefaults::collation_of(std::string_view charset) const {
  const std::string name = canonical_charset(charset);
  if (const auto found = collations.find(name); found != collations.end()) return found->second;
  if (dialect == Dialect::kTidb && name != "gbk") return binary_collation_of(name);
  const bool newest = server_version == 0;
  if (dialect == Dialect::kMySql && name == "utf8mb4" && (newest || server_version >= 80001))
    return "utf8mb4_0900_ai_ci";
  const bool uca1400 = dialect == Dialect::kMariaDb && (newest || server_version >= 110500) &&
                       (name.starts_with("utf") || name == "ucs2") && name != "utf16le";
  if (uca1400) return name + "_uca1400_ai_ci";
  const CharsetRow* row = find_charset(name);
  return row == nullptr ? std::string() : std::string(row->collation);
}

Result<CharsetClause> CharsetDefaults::resolve(const CharsetClause& written,
                                               const CharsetClause& otherwise) const {
  CharsetClause out{canonical_charset(written.charset), canonical_collation(written.collation)};
  if (out.empty() || out.charset == "default") {
    const std::string collation = out.collation;
    out = otherwise;
    if (!collation.empty()) out.collation = collation;
  }
  // MariaDB: "uca1400_ai_ci" without a charset goes with any.
  if (out.collation.starts_with("uca1400")) {
    const std::string& base = out.charset.empty() ? otherwise.charset : out.charset;
    out.collation = (base.empty() ? "utf8mb4" : base) + "_" + out.collation;
  }
  if (out.charset.empty() && !out.collation.empty()) out.charset = charset_of(out.collation);
  if (out.collation.empty() && !out.charset.empty()) out.collation = collation_of(out.charset);
  if (out.empty()) return out;
  if (max_bytes_of(out.charset) == 0)
    return Error(Errc::kUnsupported, "unknown character set \"" + out.charset + "\"");
  if (charset_of(out.collation) != out.charset)
    return Error(Errc::kUnsupported, "collation \"" + out.collation +
                                         "\" does not belong to character set \"" + out.charset +
                                         "\"");
  return out;
}

}  // namespace tiderelay::applier
