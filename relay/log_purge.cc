// relay/log_purge.cc: the part of LogCatalog that knows who needs a file and removes the others.
#include <algorithm>

#include "relay/log_catalog.h"
#include "relay/log_files.h"

namespace tiderelay::relay {

Result<void> LogCatalog::pin(const std::string& reader, const LogPosition& from) {
  const std::lock_guard lock(mutex_);
  const auto found = pins_.find(reader);
  const bool same_file = found != pins_.end() && found->second.generation == from.generation &&
                         found->second.file == from.file;
  pins_[reader] = from;
  if (same_file) return {};
  return save_pins();
}

Result<void> LogCatalog::unpin(const std::string& reader) {
  const std::lock_guard lock(mutex_);
  if (pins_.erase(reader) == 0) return {};
  return save_pins();
}

std::map<std::string, LogPosition> LogCatalog::pins() const {
  const std::lock_guard lock(mutex_);
  return pins_;
}

// Names do not matter here, numbers do: "?.000001/?.000003:4" is read back as the same place.
NamedPosition LogCatalog::named(const LogPosition& position) const {
  NamedPosition named;
  named.folder = numbered_name("?", position.generation);
  for (const Generation& generation : generations_) {
    if (generation.number == position.generation) named.folder = generation.folder();
  }
  named.file = numbered_name("?", position.file);
  for (const LogFile& file : files_) {
    if (file.begin.generation == position.generation && file.begin.file == position.file) {
      named.file = file.name;
    }
  }
  named.position = position;
  return named;
}

Result<void> LogCatalog::save_pins() const {
  std::string text;
  for (const auto& [reader, position] : pins_) {
    text += reader + "\t" + named(position).text() + "\n";
  }
  return replace_small_file(storage_, folder_ + "/index", "pins", text);
}

namespace {

bool needs(const LogPosition& from, const LogFile& file) {
  return from.generation < file.begin.generation ||
         (from.generation == file.begin.generation && from.file <= file.begin.file);
}

std::string name_of(std::uint32_t server_id, const FollowerPlace& place) {
  return "follower " + std::to_string(server_id) + " (" + place.about + ")";
}

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

}  // namespace

std::string LogCatalog::holder_of(const LogFile& file) const {
  for (const auto& [reader, position] : pins_) {
    if (needs(position, file)) return reader;
  }
  return "";
}

std::string LogCatalog::keeper_of_first(std::uint64_t beyond_bytes, std::uint64_t follower_bytes,
                                        std::vector<std::string>& lost) {
  const LogFile& oldest = files_.front();
  std::string holder = holder_of(oldest);
  if (!holder.empty()) return holder;
  const auto needing = [&oldest](const auto& one) { return needs(one.second.from, oldest); };
  const auto first = std::ranges::find_if(followers_, needing);
  if (first == followers_.end()) return "";
  if (beyond_bytes <= follower_bytes) {
    return name_of(first->first, first->second) + ": " + megabytes(beyond_bytes) +
           " beyond the limits; above " + megabytes(follower_bytes) + " they go";
  }
  for (const auto& [server_id, place] : followers_) {
    if (!needs(place.from, oldest)) continue;
    lost.push_back(name_of(server_id, place) + " lacks " + oldest.name + ", which was removed: " +
                   megabytes(beyond_bytes) + " are beyond the limits, at most " +
                   megabytes(follower_bytes) + " are kept for followers");
  }
  std::erase_if(followers_, needing);
  return "";
}

// How far the limits are passed: by the one that is passed furthest.
Result<std::uint64_t> LogCatalog::bytes_beyond(const RetainOptions& retain,
                                               std::chrono::system_clock::time_point now) const {
  std::uint64_t beyond = 0;
  for (std::size_t i = 0; retain.max_age && i + 1 < files_.size(); ++i) {
    if (now - files_[i].modified <= *retain.max_age) break;
    beyond += files_[i].stored_bytes();
  }
  const std::uint64_t total = total_bytes_locked();
  if (retain.max_bytes && total > *retain.max_bytes) {
    beyond = std::max(beyond, total - *retain.max_bytes);
  }
  if (!retain.min_free_bytes) return beyond;
  const auto space = storage_.free_space(folder_);
  if (!space) return space.error();
  if (space->free_bytes < *retain.min_free_bytes) {
    beyond = std::max(beyond, *retain.min_free_bytes - space->free_bytes);
  }
  return beyond;
}

void LogCatalog::forget_absent(const RetainOptions& retain,
                               std::chrono::system_clock::time_point now,
                               std::vector<std::string>& lost) {
  if (retain.follower_absence.count() == 0) return;
  std::erase_if(followers_, [&](const auto& one) {
    const FollowerPlace& place = one.second;
    const bool gone = !place.connected && now - place.seen > retain.follower_absence;
    if (gone) {
      lost.push_back(name_of(one.first, place) +
                     " has been away for too long: nothing is kept for it any more");
    }
    return gone;
  });
}

Result<PurgeOutcome> LogCatalog::purge(const RetainOptions& retain,
                                       std::chrono::system_clock::time_point now) {
  const std::lock_guard one_at_a_time(purging_);
  std::unique_lock lock(mutex_);
  PurgeOutcome outcome;
  forget_absent(retain, now, outcome.lost);
  while (files_.size() > 1) {
    const auto beyond = bytes_beyond(retain, now);
    if (!beyond) return beyond.error();
    if (*beyond == 0) break;
    outcome.held_by = keeper_of_first(*beyond, retain.follower_bytes, outcome.lost);
    if (!outcome.held_by.empty()) break;
    const LogFile& oldest = files_.front();
    outcome.removed.push_back(oldest.folder + "/" + oldest.name);
    if (const auto removed = remove_first(lock); !removed) return removed.error();
  }
  return outcome;
}

Result<PurgeOutcome> LogCatalog::purge_before(const LogPosition& position,
                                              std::uint64_t follower_bytes) {
  const std::lock_guard one_at_a_time(purging_);
  std::unique_lock lock(mutex_);
  PurgeOutcome outcome;
  std::uint64_t beyond = 0;
  for (const LogFile& file : files_) {
    if (file.begin < position) beyond += file.stored_bytes();
  }
  while (files_.size() > 1) {
    const LogFile& oldest = files_.front();
    LogPosition next = files_[1].begin;
    next.offset_bytes = 0;
    if (position < next) break;
    outcome.held_by = keeper_of_first(beyond, follower_bytes, outcome.lost);
    if (!outcome.held_by.empty()) break;
    outcome.removed.push_back(oldest.folder + "/" + oldest.name);
    beyond -= std::min(beyond, oldest.stored_bytes());
    if (const auto removed = remove_first(lock); !removed) return removed.error();
  }
  return outcome;
}

// The log file goes first: an index without its file is ignored, a file without its index costs a
// scan. A generation goes with its last file, from the list before from the disk. The disk is
// waited for without the lock; one purge at a time.
Result<void> LogCatalog::remove_first(std::unique_lock<std::mutex>& lock) {
  const LogFile file = files_.front();
  const FilePaths where = paths(file);
  files_.erase(files_.begin());
  const bool generation_ends = files_.front().begin.generation != file.begin.generation;
  lock.unlock();
  const Result<void> removed = remove_files(where);
  lock.lock();
  if (!removed) return removed;
  if (!generation_ends) return {};
  std::erase_if(generations_, [&file](const Generation& generation) {
    return generation.number == file.begin.generation;
  });
  if (const auto saved = save_generations(); !saved) return saved.error();
  const auto left = storage_.list(where.log_folder);
  if (!left) return left.error();
  for (const FolderEntry& entry : *left) {
    const auto done = storage_.remove(where.log_folder + "/" + entry.name);
    if (!done) return done.error();
  }
  if (const auto done = storage_.remove(where.log_folder); !done) return done.error();
  const auto indexed = storage_.exists(where.index_folder);
  if (indexed && *indexed) return storage_.remove(where.index_folder);
  return {};
}

Result<void> LogCatalog::remove_files(const FilePaths& where) {
  if (const auto done = remove_log_file(storage_, where.log_path()); !done) return done.error();
  if (const auto done = storage_.sync_folder(where.log_folder); !done) return done.error();
  const auto there = storage_.exists(where.index_path());
  if (there && *there) return storage_.remove(where.index_path());
  return {};
}

}  // namespace tiderelay::relay
