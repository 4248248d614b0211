// protocol/gtid.cc: text of GTIDs, arithmetic of sets.
#include "protocol/gtid.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"

namespace tiderelay::protocol {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Cuts off what is before the next separator; the last piece leaves nothing.
std::string_view next_piece(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trimmed(piece);
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() && !text.empty();
}

// "7", "3-9" and the empty "9-3", which MySQL takes as nothing.
bool parse_interval(std::string_view text, GtidInterval& interval) {
  const std::size_t dash = text.find('-');
  if (!parse_number(trimmed(text.substr(0, dash)), interval.first)) return false;
  interval.last = interval.first;
  if (dash != std::string_view::npos &&
      !parse_number(trimmed(text.substr(dash + 1)), interval.last)) {
    return false;
  }
  return interval.first >= 1 && interval.last < kGtidNumberEnd;
}

Error bad_text(std::string_view what, std::string_view text) {
  return Error(Errc::kConfig,
               "\"" + std::string(text.substr(0, 100)) + "\" is not " + std::string(what));
}

void append_intervals(std::string& out, const GtidSet::Intervals& intervals) {
  for (const GtidInterval& interval : intervals) {
    out += ':';
    out += std::to_string(interval.first);
    if (interval.last == interval.first) continue;
    out += '-';
    out += std::to_string(interval.last);
  }
}

}  // namespace

Result<Uuid> Uuid::parse(std::string_view text) {
  std::string_view rest = trimmed(text);
  if (rest.size() == 38 && rest.front() == '{' && rest.back() == '}') rest = rest.substr(1, 36);
  const bool dashes = rest.size() == 36;
  if (!dashes && rest.size() != 32) return bad_text("a UUID", text);
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && rest[at++] != '-') {
      return bad_text("a UUID", text);
    }
    const int high = hex_digit(rest[at++]);
    const int low = hex_digit(rest[at++]);
    if (high < 0 || low < 0) return bad_text("a UUID", text);
    uuid.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return uuid;
}

Uuid Uuid::from_bytes(ByteView bytes) {
  CHECK(bytes.size() == 16, "a UUID has 16 bytes");
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), bytes.data(), uuid.bytes.size());
  return uuid;
}

std::string Uuid::text() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

bool normalize_gtid_tag(std::string& tag) {
  if (tag.empty() || tag.size() > kMaxGtidTagBytes) return false;
  for (char& c : tag) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool letter = (c >= 'a' && c <= 'z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (!letter && (!digit || &c == tag.data())) return false;
  }
  return true;
}

std::string Gtid::text() const {
  std::string out = source.uuid.text();
  if (!source.tag.empty()) out += ':' + source.tag;
  return out + ':' + std::to_string(number);
}

Result<GtidSet> GtidSet::parse(std::string_view text) {
  GtidSet set;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view entry = next_piece(rest, ',');
    if (entry.empty()) continue;
    const Result<Uuid> uuid = Uuid::parse(next_piece(entry, ':'));
    if (!uuid) return uuid.error().in("GTID set");
    GtidSource source{*uuid, ""};
    while (!entry.empty()) {
      const std::string_view piece = next_piece(entry, ':');
      GtidInterval interval;
      if (piece.empty()) continue;
      if (piece.front() >= '0' && piece.front() <= '9') {
        if (!parse_interval(piece, interval)) return bad_text("a GTID interval", piece);
        if (interval.first <= interval.last) set.add(source, interval);
        continue;
      }
      source.tag = std::string(piece);
      if (!normalize_gtid_tag(source.tag)) return bad_text("a GTID interval or tag", piece);
    }
  }
  return set;
}

std::string GtidSet::text() const {
  std::string out;
  const Uuid* previous = nullptr;
  for (const auto& [source, intervals] : sources_) {
    if (previous == nullptr || *previous != source.uuid) {
      if (previous != nullptr) out += ',';
      out += source.uuid.text();
    }
    previous = &source.uuid;
    if (!source.tag.empty()) out += ':' + source.tag;
    append_intervals(out, intervals);
  }
  return out;
}

void GtidSet::add(const GtidSource& source, GtidInterval interval) {
  CHECK(interval.first >= 1 && interval.first <= interval.last && interval.last < kGtidNumberEnd,
        "a GTID interval out of range");
  Intervals& list = sources_[source];
  // The first interval that touches or follows the new one; appending is the common case.
  auto begin = list.end();
  while (begin != list.begin() && std::prev(begin)->last + 1 >= interval.first) --begin;
  auto end = begin;
  while (end != list.end() && end->first <= interval.last + 1) {
    interval.first = std::min(interval.first, end->first);
    interval.last = std::max(interval.last, end->last);
    ++end;
  }
  if (begin == end) {
    list.insert(begin, interval);
    return;
  }
  *begin = interval;
  list.erase(std::next(begin), end);
}

void GtidSet::add(const GtidSet& other) {
  for (const auto& [source, intervals] : other.sources_) {
    for (const GtidInterval& interval : intervals) add(source, interval);
  }
}

void GtidSet::subtract(const GtidSource& source, GtidInterval interval) {
  const auto found = sources_.find(source);
  if (found == sources_.end()) return;
  Intervals kept;
  for (const GtidInterval& have : found->second) {
    if (have.first < interval.first) {
      kept.push_back({have.first, std::min(have.last, interval.first - 1)});
    }
    if (have.last > interval.last) {
      kept.push_back({std::max(have.first, interval.last + 1), have.last});
    }
  }
  if (kept.empty()) {
    sources_.erase(found);
  } else {
    found->second = std::move(kept);
  }
}

void GtidSet::subtract(const GtidSet& other) {
  for (const auto& [source, intervals] : other.sources_) {
    for (const GtidInterval& interval : intervals) subtract(source, interval);
  }
}

GtidSet GtidSet::intersection(const GtidSet& other) const {
  GtidSet difference = *this;
  difference.subtract(other);
  GtidSet both = *this;
  both.subtract(difference);
  return both;
}

bool GtidSet::contains(const Gtid& gtid) const {
  const auto found = sources_.find(gtid.source);
  if (found == sources_.end()) return false;
  const Intervals& list = found->second;
  const auto after = std::upper_bound(
      list.begin(), list.end(), gtid.number,
      [](std::uint64_t number, const GtidInterval& interval) { return number < interval.first; });
  return after != list.begin() && std::prev(after)->last >= gtid.number;
}

bool GtidSet::contains(const GtidSet& other) const {
  for (const auto& [source, intervals] : other.sources_) {
    const auto found = sources_.find(source);
    if (found == sources_.end()) return false;
    for (const GtidInterval& wanted : intervals) {
      const bool covered = std::any_of(
          found->second.begin(), found->second.end(), [&wanted](const GtidInterval& have) {
            return have.first <= wanted.first && have.last >= wanted.last;
          });
      if (!covered) return false;
    }
  }
  return true;
}

std::uint64_t GtidSet::count() const {
  std::uint64_t total = 0;
  for (const auto& [source, intervals] : sources_) {
    for (const GtidInterval& interval : intervals) {
      const std::uint64_t size = interval.last - interval.first + 1;
      if (total > std::numeric_limits<std::uint64_t>::max() - size) {
        return std::numeric_limits<std::uint64_t>::max();
      }
      total += size;
    }
  }
  return total;
}

bool GtidSet::has_tags() const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [](const auto& entry) { return !entry.first.tag.empty(); });
}

Result<MariaGtid> MariaGtid::parse(std::string_view text) {
  MariaGtid gtid;
  std::string_view rest = trimmed(text);
  const std::string_view domain = next_piece(rest, '-');
  const std::string_view server = next_piece(rest, '-');
  if (!parse_number(domain, gtid.domain) || !parse_number(server, gtid.server) ||
      !parse_number(trimmed(rest), gtid.sequence)) {
    return bad_text("a MariaDB GTID (domain-server-sequence)", text);
  }
  return gtid;
}

std::string MariaGtid::text() const {
  return std::to_string(domain) + '-' + std::to_string(server) + '-' + std::to_string(sequence);
}

Result<MariaGtidList> MariaGtidList::parse(std::string_view text) {
  MariaGtidList list;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view piece = next_piece(rest, ',');
    if (piece.empty()) continue;
    const Result<MariaGtid> gtid = MariaGtid::parse(piece);
    if (!gtid) return gtid.error();
    list.gtids_.push_back(*gtid);
  }
  return list;
}

std::string MariaGtidList::text() const {
  std::string out;
  for (const MariaGtid& gtid : gtids_) {
    if (!out.empty()) out += ',';
    out += gtid.text();
  }
  return out;
}

void MariaGtidList::advance(const MariaGtid& gtid) {
  std::erase_if(gtids_, [&gtid](const MariaGtid& have) { return have.domain == gtid.domain; });
  const auto after = std::lower_bound(
      gtids_.begin(), gtids_.end(), gtid.domain,
      [](const MariaGtid& have, std::uint32_t domain) { return have.domain < domain; });
  gtids_.insert(after, gtid);
}

const MariaGtid* MariaGtidList::find_domain(std::uint32_t domain) const {
  const auto found = std::find_if(gtids_.rbegin(), gtids_.rend(), [domain](const MariaGtid& have) {
    return have.domain == domain;
  });
  return found == gtids_.rend() ? nullptr : &*found;
}

}  // namespace tiderelay::protocol
