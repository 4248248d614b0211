// applier/collation_fold.h: text -> bytes that are equal where a collation takes the texts for
// equal, for the characters of which that can be said without the collation's weights.
//
// Known: printable ASCII (equal without case; trailing spaces never count), CJK ideographs from
// U+4E00 to U+9FFF and Hangul syllables (equal to themselves alone). All others may be equal to
// each other or to ASCII (a = á, ß = ss, ａ = a, ignorable controls).
// Source: weights of MySQL 8.0.31 and TiDB 8.5.3 (general_ci, unicode_ci, unicode_520_ci, 0900_*),
//         strings/ctype-*.cc. Language-specific collations have contractions and are not known.
#pragma once

#include <string>
#include <string_view>

namespace tiderelay::applier {

// Its equality of the characters above is known.
[[nodiscard]] bool folds(std::string_view collation);

// Appends the folded text. False: it has a character that is not known; then the text is appended
// as it is.
[[nodiscard]] bool append_folded(std::string& out, std::string_view utf8);

}  // namespace tiderelay::applier
