// relay/gtid_state.cc: sets of both dialects under one name.
#include "relay/gtid_state.h"

#include <algorithm>
#include <map>

namespace tiderelay::relay {
namespace {

bool reaches(const GtidState::Servers& have, const GtidState::Servers::value_type& wanted) {
  const auto same = have.find(wanted.first);
  if (same != have.end()) return same->second >= wanted.second;
  return std::any_of(have.begin(), have.end(), [&wanted](const auto& other) {
    return other.first.first == wanted.first.first && other.second >= wanted.second;
  });
}

}  // namespace

Result<GtidState> GtidState::parse(std::string_view text) {
  GtidState state;
  if (text.find(':') != std::string_view::npos) {
    auto set = protocol::GtidSet::parse(text);
    if (!set) return set.error();
    state.mysql_ = std::move(*set);
    return state;
  }
  const auto list = protocol::MariaGtidList::parse(text);
  if (!list) return list.error();
  for (const protocol::MariaGtid& gtid : list->gtids()) state.add(gtid);
  return state;
}

std::string GtidState::text() const {
  if (!mysql_.empty()) return mysql_.text();
  std::string out;
  for (const auto& [who, sequence] : maria_) {
    if (!out.empty()) out += ',';
    out += protocol::MariaGtid{who.first, who.second, sequence}.text();
  }
  return out;
}

void GtidState::add(const GtidState& later) {
  mysql_.add(later.mysql_);
  for (const auto& [who, sequence] : later.maria_) maria_[who] = sequence;
}

GtidState GtidState::without(const GtidState& other) const {
  GtidState rest = *this;
  rest.mysql_.subtract(other.mysql_);
  std::erase_if(rest.maria_, [&other](const auto& gtid) { return reaches(other.maria_, gtid); });
  return rest;
}

bool GtidState::contains(const GtidState& other) const {
  return mysql_.contains(other.mysql_) &&
         std::all_of(other.maria_.begin(), other.maria_.end(),
                     [this](const auto& wanted) { return reaches(maria_, wanted); });
}

std::uint64_t GtidState::count() const {
  std::map<std::uint32_t, std::uint64_t> domains;
  for (const auto& [who, sequence] : maria_) {
    domains[who.first] = std::max(domains[who.first], sequence);
  }
  std::uint64_t count = mysql_.count();
  for (const auto& [domain, sequence] : domains) count += sequence;
  return count;
}

}  // namespace tiderelay::relay
