#include "applier/collation_map.h"

#include <string_view>

#include "applier/charset_rules.h"

namespace tiderelay::applier {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What a collation compares like, without its charset.
struct Nature {
  bool binary = false;          // by code points
  bool case_sensitive = false;  // or accent-sensitive in a way that no ci collation keeps
  bool no_pad = false;
  enum class Family : std::uint8_t { kOther, kGeneral, kUnicode, kUnicode520, k0900 };
  Family family = Family::kOther;
  bool language = false;  // tailored: the root collation of its family is only near
};

Nature nature_of(std::string_view collation) {
  Nature out;
  const std::size_t underscore = collation.find('_');
  const std::string_view rest =
      underscore == std::string_view::npos ? collation : collation.substr(underscore + 1);
  out.no_pad = contains(rest, "0900") || contains(rest, "nopad") || collation == "binary";
  out.binary = rest.ends_with("bin") || collation == "binary";
  out.case_sensitive = rest.ends_with("_cs") || contains(rest, "_cs_");
  if (contains(rest, "0900") || contains(rest, "uca1400")) {
    out.family = Nature::Family::k0900;
    out.language = rest != "0900_ai_ci" && rest != "0900_as_ci" && rest != "0900_as_cs";
  } else if (contains(rest, "unicode_520")) {
    out.family = Nature::Family::kUnicode520;
    out.language = rest != "unicode_520_ci";
  } else if (rest == "unicode_ci" || rest == "unicode_nopad_ci") {
    out.family = Nature::Family::kUnicode;
  } else if (rest == "general_ci" || rest == "general_nopad_ci" || rest == "general_mysql500_ci" ||
             rest == "tolower_ci") {
    out.family = Nature::Family::kGeneral;
  } else if (collation.starts_with("utf") || collation.starts_with("ucs2")) {
    out.family = Nature::Family::kUnicode;  // utf8mb4_swedish_ci and the like: tailored UCA 4.0.0
    out.language = true;
  }
  return out;
}

bool is_unicode(std::string_view charset) {
  return charset.starts_with("utf") || charset == "ucs2";
}

MappedCollation utf8mb4(std::string_view collation, bool merges, bool splits) {
  return {"utf8mb4", std::string(collation), merges, splits};
}

bool tidb_has(const std::string& collation, const Target& target) {
  if (collation == "utf8mb4_0900_ai_ci" || collation == "utf8mb4_0900_bin")
    return target.version >= 70400;
  for (const std::string_view one :
       {"binary", "ascii_bin", "utf8mb3_bin", "utf8mb3_general_ci", "utf8mb3_unicode_ci",
        "utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_unicode_ci"}) {
    if (collation == one) return true;
  }
  return (collation == "gbk_bin" || collation == "gbk_chinese_ci") && target.version >= 50400;
}

MappedCollation tidb_nearest(const std::string& collation, const Target& target) {
  const Nature nature = nature_of(collation);
  const std::string charset = charset_of(collation);
  const bool has_0900 = target.version >= 70400;
  if (nature.binary)
    return has_0900 && nature.no_pad ? utf8mb4("utf8mb4_0900_bin", false, false)
                                     : utf8mb4("utf8mb4_bin", nature.no_pad, false);
  if (nature.case_sensitive)
    return has_0900 && nature.no_pad ? utf8mb4("utf8mb4_0900_bin", false, true)
                                     : utf8mb4("utf8mb4_bin", nature.no_pad, true);
  switch (nature.family) {
    case Nature::Family::kGeneral:
      // Of a Unicode charset, or of ASCII, the very same classes.
      return utf8mb4("utf8mb4_general_ci",
                     nature.no_pad || (!is_unicode(charset) && charset != "ascii"),
                     !is_unicode(charset) && charset != "ascii");
    case Nature::Family::kUnicode:
      return utf8mb4("utf8mb4_unicode_ci", nature.language || nature.no_pad, nature.language);
    case Nature::Family::kUnicode520:
    case Nature::Family::k0900:
      return has_0900 ? utf8mb4("utf8mb4_0900_ai_ci", collation != "utf8mb4_0900_ai_ci", true)
                      : utf8mb4("utf8mb4_unicode_ci", true, true);
    case Nature::Family::kOther:
      break;
  }
  return utf8mb4("utf8mb4_general_ci", true, true);
}

// Spells utf8mb3's names as the target's version does.
std::string target_name(const std::string& name, const Target& target) {
  if (!name.starts_with("utf8mb3")) return name;
  const bool new_names = (target.kind == TargetKind::kMysql && target.version >= 80030) ||
                         (target.kind == TargetKind::kMariadb && target.version >= 100600);
  return new_names ? name : "utf8" + name.substr(7);
}

MappedCollation same(const std::string& collation, const Target& target) {
  return {target_name(charset_of(collation), target), target_name(collation, target), false, false};
}

MappedCollation map_for_tidb(const std::string& collation, bool unique, const Target& target) {
  if (!target.new_collations) {
    // Every name is accepted there and compares by bytes.
    const std::string charset = charset_of(collation);
    const bool splits = !nature_of(collation).binary;
    if (charset == "utf8mb4" || charset == "utf8mb3" || charset == "binary") {
      MappedCollation kept = same(collation, target);
      kept.splits = splits;
      return kept;
    }
    return utf8mb4("utf8mb4_bin", false, splits);
  }
  if (tidb_has(collation, target)) return same(collation, target);
  MappedCollation nearest = tidb_nearest(collation, target);
  if (unique && nearest.merges && target.unique_columns == Target::UniqueColumns::kBinary)
    return target.version >= 70400 && nature_of(collation).no_pad
               ? utf8mb4("utf8mb4_0900_bin", false, true)
               : utf8mb4("utf8mb4_bin", false, true);
  return nearest;
}

MappedCollation map_for_mysql(const std::string& collation, const Target& target) {
  const bool maria_only = contains(collation, "nopad") || contains(collation, "uca1400");
  const bool is_0900 = contains(collation, "_0900_");
  if (!maria_only && (!is_0900 || target.version >= 80000)) return same(collation, target);
  const Nature nature = nature_of(collation);
  if (target.version >= 80000) {
    if (nature.binary) return utf8mb4("utf8mb4_0900_bin", false, false);
    if (nature.family == Nature::Family::kGeneral)
      return utf8mb4("utf8mb4_general_ci", true, false);
    if (nature.case_sensitive) return utf8mb4("utf8mb4_0900_as_cs", true, true);
    return utf8mb4(contains(collation, "_as_") ? "utf8mb4_0900_as_ci" : "utf8mb4_0900_ai_ci", true,
                   true);
  }
  if (nature.binary || nature.case_sensitive)
    return utf8mb4("utf8mb4_bin", true, nature.case_sensitive);
  return utf8mb4("utf8mb4_unicode_520_ci", true, true);
}

MappedCollation map_for_maria(const std::string& collation, const Target& target) {
  const bool has_uca1400 = target.version >= 101001;
  if (contains(collation, "uca1400") && !has_uca1400)
    return utf8mb4(nature_of(collation).case_sensitive ? "utf8mb4_bin" : "utf8mb4_unicode_520_ci",
                   true, true);
  if (!contains(collation, "_0900_")) return same(collation, target);
  const Nature nature = nature_of(collation);
  if (nature.binary) return utf8mb4("utf8mb4_nopad_bin", false, false);
  if (!has_uca1400)
    return utf8mb4(nature.case_sensitive ? "utf8mb4_nopad_bin" : "utf8mb4_unicode_520_nopad_ci",
                   true, true);
  std::string suffix = "ai_ci";
  if (contains(collation, "_as_ci")) suffix = "as_ci";
  if (nature.case_sensitive) suffix = "as_cs";
  return utf8mb4("utf8mb4_uca1400_nopad_" + suffix, true, true);
}

}  // namespace

MappedCollation map_collation(const std::string& collation, bool unique, const Target& target) {
  if (const auto chosen = target.collations.find(collation); chosen != target.collations.end()) {
    const std::string to = canonical_collation(chosen->second);
    MappedCollation out = same(to, target);
    out.merges = to != collation && !nature_of(to).binary;
    out.splits = to != collation;
    return out;
  }
  switch (target.kind) {
    case TargetKind::kTidb:
      return map_for_tidb(collation, unique, target);
    case TargetKind::kMysql:
      return map_for_mysql(collation, target);
    case TargetKind::kMariadb:
      break;
  }
  return map_for_maria(collation, target);
}

}  // namespace tiderelay::applier
