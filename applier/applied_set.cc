// applier/applied_set.cc: interval sets and their text form.
#include "applier/applied_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace tiderelay::applier {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_origin(std::string& out, std::string_view origin) {
  for (std::size_t i = 0; i < origin.size(); ++i) {
    const char c = origin[i];
    const bool number_follows = c == ':' && i + 1 < origin.size() && is_digit(origin[i + 1]);
    if (c == ',' || c == '[' || c == ']' || c == '%' || number_follows) {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
}

std::optional<std::string> decode_origin(std::string_view text) {
  std::string origin;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      origin.push_back(text[i]);
      continue;
    }
    unsigned code = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* digits = text.data() + i + 1;
    if (std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2) return std::nullopt;
    origin.push_back(static_cast<char>(code));
    i += 2;
  }
  if (origin.empty()) return std::nullopt;
  return origin;
}

void append_range(std::string& out, Intervals::Range range) {
  fmt::format_to(std::back_inserter(out), "{}", range.first);
  if (range.end - range.first > 1) fmt::format_to(std::back_inserter(out), "-{}", range.end - 1);
}

// "5" or "5-9", as [first, end). The last number is never 2^64 - 1, so that `end` exists.
std::optional<Intervals::Range> parse_range(std::string_view text) {
  Intervals::Range range;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  if (first.ec != std::errc()) return std::nullopt;
  std::uint64_t last = range.first;
  if (first.ptr != end) {
    if (*first.ptr != '-') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, last);
    if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  }
  if (last < range.first || last == UINT64_MAX) return std::nullopt;
  range.end = last + 1;
  return range;
}

// Where the numbers begin: behind the first colon that a digit follows.
std::size_t numbers_at(std::string_view member) {
  for (std::size_t i = 1; i + 1 < member.size(); ++i) {
    if (member[i] == ':' && is_digit(member[i + 1])) return i + 1;
  }
  return std::string_view::npos;
}

bool parse_member(std::string_view member, AppliedSet& set) {
  const std::size_t at = numbers_at(member);
  if (at == std::string_view::npos) return false;
  const std::optional<std::string> origin = decode_origin(member.substr(0, at - 1));
  if (!origin) return false;
  std::string_view rest = member.substr(at);
  for (bool more = true; more;) {
    const std::size_t colon = rest.find(':');
    const std::string_view piece = rest.substr(0, colon);
    more = colon != std::string_view::npos;
    if (more) rest.remove_prefix(colon + 1);
    const std::size_t bracket = piece.find('[');
    const auto numbers = parse_range(piece.substr(0, bracket));
    if (!numbers) return false;
    const TransactionId id{*origin, numbers->first, numbers->end};
    if (bracket == std::string_view::npos) {
      set.add(id);
      continue;
    }
    if (piece.back() != ']') return false;
    const auto rows = parse_range(piece.substr(bracket + 1, piece.size() - bracket - 2));
    if (!rows || rows->end > UINT32_MAX) return false;
    set.add_part(id, static_cast<std::uint32_t>(rows->first),
                 static_cast<std::uint32_t>(rows->end));
  }
  return true;
}

}  // namespace

void Intervals::add(std::uint64_t first, std::uint64_t end) {
  if (first >= end) return;
  if (!ranges_.empty() && ranges_.back().end == first) {  // the usual case: numbers in order
    ranges_.back().end = end;
    return;
  }
  const auto touches = [](const Range& range, std::uint64_t at) { return range.end < at; };
  auto from = std::lower_bound(ranges_.begin(), ranges_.end(), first, touches);
  auto to = from;
  for (; to != ranges_.end() && to->first <= end; ++to) {
    first = std::min(first, to->first);
    end = std::max(end, to->end);
  }
  if (from == to) {
    ranges_.insert(from, Range{first, end});
  } else {
    *from = Range{first, end};
    ranges_.erase(from + 1, to);
  }
}

void Intervals::remove(std::uint64_t first, std::uint64_t end) {
  if (first >= end) return;
  const auto before = [](const Range& range, std::uint64_t at) { return range.end <= at; };
  auto from = std::lower_bound(ranges_.begin(), ranges_.end(), first, before);
  auto to = from;
  std::vector<Range> kept;
  for (; to != ranges_.end() && to->first < end; ++to) {
    if (to->first < first) kept.push_back(Range{to->first, first});
    if (to->end > end) kept.push_back(Range{end, to->end});
  }
  from = ranges_.erase(from, to);
  ranges_.insert(from, kept.begin(), kept.end());
}

bool Intervals::contains(std::uint64_t first, std::uint64_t end) const {
  const auto before = [](const Range& range, std::uint64_t at) { return range.end <= at; };
  const auto found = std::lower_bound(ranges_.begin(), ranges_.end(), first, before);
  return found != ranges_.end() && found->first <= first && end <= found->end;
}

Result<AppliedSet> AppliedSet::parse(std::string_view text) {
  AppliedSet set;
  std::string_view rest = text;
  for (bool more = !text.empty(); more;) {
    const std::size_t comma = rest.find(',');
    const std::string_view member = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
    if (!parse_member(member, set)) {
      return Error(Errc::kCorrupt, fmt::format("not a set of transactions: '{}'", member));
    }
  }
  return set;
}

std::string AppliedSet::text() const {
  std::string out;
  for (const auto& [origin, intervals] : whole_) {
    if (!out.empty()) out.push_back(',');
    append_origin(out, origin);
    for (const Intervals::Range& range : intervals.ranges()) {
      out.push_back(':');
      append_range(out, range);
    }
  }
  for (const auto& [id, rows] : parts_) {
    for (const Intervals::Range& range : rows.ranges()) {
      if (!out.empty()) out.push_back(',');
      append_origin(out, id.origin);
      out.push_back(':');
      append_range(out, Intervals::Range{id.first, id.end});
      out.push_back('[');
      append_range(out, range);
      out.push_back(']');
    }
  }
  return out;
}

void AppliedSet::add(const TransactionId& id) {
  if (id.first >= id.end) return;
  auto found = whole_.find(id.origin);
  if (found == whole_.end()) found = whole_.emplace(id.origin, Intervals()).first;
  found->second.add(id.first, id.end);
  if (!parts_.empty()) forget_parts_of(id.origin, id.first, id.end);
}

void AppliedSet::add_part(const TransactionId& id, std::uint32_t first, std::uint32_t end) {
  if (first < end && !contains(id)) parts_[id].add(first, end);
}

void AppliedSet::forget_parts_of(const std::string& origin, std::uint64_t first,
                                 std::uint64_t end) {
  std::erase_if(parts_, [&](const auto& part) {
    return part.first.origin == origin && part.first.first >= first && part.first.end <= end;
  });
}

void AppliedSet::merge(const AppliedSet& other) {
  for (const auto& [origin, intervals] : other.whole_) {
    for (const Intervals::Range& range : intervals.ranges()) {
      add(TransactionId{origin, range.first, range.end});
    }
  }
  for (const auto& [id, rows] : other.parts_) {
    for (const Intervals::Range& range : rows.ranges()) {
      add_part(id, static_cast<std::uint32_t>(range.first), static_cast<std::uint32_t>(range.end));
    }
  }
}

void AppliedSet::subtract(const AppliedSet& other) {
  for (const auto& [origin, intervals] : other.whole_) {
    for (const Intervals::Range& range : intervals.ranges()) {
      if (!parts_.empty()) forget_parts_of(origin, range.first, range.end);
    }
    const auto found = whole_.find(origin);
    if (found == whole_.end()) continue;
    for (const Intervals::Range& range : intervals.ranges()) {
      found->second.remove(range.first, range.end);
    }
    if (found->second.empty()) whole_.erase(found);
  }
}

bool AppliedSet::contains(const TransactionId& id) const {
  const auto found = whole_.find(id.origin);
  return found != whole_.end() && found->second.contains(id.first, id.end);
}

bool AppliedSet::contains_part(const TransactionId& id, std::uint32_t first,
                               std::uint32_t end) const {
  if (contains(id)) return true;
  const auto found = parts_.find(id);
  return found != parts_.end() && found->second.contains(first, end);
}

bool AppliedSet::contains_row(const TransactionId& id, std::uint32_t ordinal) const {
  return contains_part(id, ordinal, ordinal + 1);
}

std::size_t AppliedSet::interval_count() const {
  std::size_t count = 0;
  for (const auto& [origin, intervals] : whole_) count += intervals.ranges().size();
  for (const auto& [id, rows] : parts_) count += rows.ranges().size();
  return count;
}

}  // namespace tiderelay::applier
