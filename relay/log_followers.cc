// relay/log_followers.cc: the part of LogCatalog that remembers where followers go on.
//
// index/followers, a line each: server id, last hour in which it was connected (Unix time), file
// that it needs next, what a person is told of it; tabs between.
#include <algorithm>
#include <charconv>

#include "relay/log_catalog.h"

namespace tiderelay::relay {
namespace {

constexpr std::string_view kFollowersName = "followers";
constexpr std::size_t kAboutMaxBytes = 200;

// The next field of a line; the rest stays.
std::string_view take_field(std::string_view& line) {
  const std::size_t tab = line.find('\t');
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
  return field;
}

template <class Number>
bool to_number(std::string_view text, Number& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size();
}

}  // namespace

void LogCatalog::note_follower(std::uint32_t server_id, FollowerPlace place) {
  place.about.resize(std::min(place.about.size(), kAboutMaxBytes));
  std::ranges::replace_if(
      place.about, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  const std::lock_guard lock(mutex_);
  followers_[server_id] = std::move(place);
}

std::map<std::uint32_t, FollowerPlace> LogCatalog::follower_places() const {
  const std::lock_guard lock(mutex_);
  return followers_;
}

std::string LogCatalog::followers_text() const {
  std::string text;
  for (const auto& [server_id, place] : followers_) {
    const auto hour = std::chrono::floor<std::chrono::hours>(place.seen).time_since_epoch();
    LogPosition file = place.from;
    file.offset_bytes = kFirstEventOffset;
    text += std::to_string(server_id) + "\t" +
            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(hour).count()) + "\t" +
            named(file).text() + "\t" + place.about + "\n";
  }
  return text;
}

// The disk is waited for without the lock: receiving must not wait with it.
Result<void> LogCatalog::save_followers() {
  const std::lock_guard one_at_a_time(saving_);
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    text = followers_text();
  }
  if (text == saved_followers_) return {};
  const auto saved =
      replace_small_file(storage_, folder_ + "/index", std::string(kFollowersName), text);
  if (saved) saved_followers_ = std::move(text);
  return saved;
}

Result<void> LogCatalog::load_followers() {
  const std::string path = folder_ + "/index/" + std::string(kFollowersName);
  const auto there = storage_.exists(path);
  if (!there) return there.error();
  if (!*there) return {};
  auto text = read_small_file(storage_, path);
  if (!text) return text.error();
  saved_followers_ = *text;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::string whole(line);
    std::uint32_t server_id = 0;
    std::int64_t seen_seconds = 0;
    const bool numbers =
        to_number(take_field(line), server_id) && to_number(take_field(line), seen_seconds);
    const auto place = parse_named_position(take_field(line));
    if (!numbers || !place) {
      return Error(Errc::kCorrupt, path + ": \"" + whole + "\" is no follower and its place");
    }
    FollowerPlace follower;
    follower.from = place->position;
    follower.seen = std::chrono::system_clock::time_point(std::chrono::seconds(seen_seconds));
    follower.about = std::string(line);
    followers_[server_id] = std::move(follower);
  }
  return {};
}

}  // namespace tiderelay::relay
