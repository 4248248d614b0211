// relay/log_purge.cc: the part of LogCatalog that knows who needs a file and removes the others.
#include <algorithm>

#include "relay/log_catalog.h"

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
Result<void> LogCatalog::save_pins() const {
  std::string text;
  for (const auto& [reader, position] : pins_) {
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
    text += reader + "\t" + named.text() + "\n";
  }
  return replace_small_file(storage_, folder_ + "/index", "pins", text);
}

std::string LogCatalog::holder_of(const LogFile& file) const {
  for (const auto& [reader, position] : pins_) {
    const bool needed =
        position.generation < file.begin.generation ||
        (position.generation == file.begin.generation && position.file <= file.begin.file);
    if (needed) return reader;
  }
  return "";
}

Result<PurgeOutcome> LogCatalog::purge(const RetainOptions& retain,
                                       std::chrono::system_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  PurgeOutcome outcome;
  while (files_.size() > 1) {
    const LogFile& oldest = files_.front();
    bool too_much = retain.max_age && now - oldest.modified > *retain.max_age;
    too_much = too_much || (retain.max_bytes && total_bytes_locked() > *retain.max_bytes);
    if (!too_much && retain.min_free_bytes) {
      const auto space = storage_.free_space(folder_);
      if (!space) return space.error();
      too_much = space->free_bytes < *retain.min_free_bytes;
    }
    if (!too_much) break;
    outcome.held_by = holder_of(oldest);
    if (!outcome.held_by.empty()) break;
    outcome.removed.push_back(oldest.folder + "/" + oldest.name);
    if (const auto removed = remove_first(); !removed) return removed.error();
  }
  return outcome;
}

Result<PurgeOutcome> LogCatalog::purge_before(const LogPosition& position) {
  const std::lock_guard lock(mutex_);
  PurgeOutcome outcome;
  while (files_.size() > 1) {
    const LogFile& oldest = files_.front();
    LogPosition next = files_[1].begin;
    next.offset_bytes = 0;
    if (position < next) break;
    outcome.held_by = holder_of(oldest);
    if (!outcome.held_by.empty()) break;
    outcome.removed.push_back(oldest.folder + "/" + oldest.name);
    if (const auto removed = remove_first(); !removed) return removed.error();
  }
  return outcome;
}

// The log file goes first: an index without its file is ignored, a file without its index costs a
// scan. A generation goes with its last file, from the list before from the disk.
Result<void> LogCatalog::remove_first() {
  const LogFile file = files_.front();
  const FilePaths where = paths(file);
  if (const auto done = storage_.remove(where.log_path()); !done) return done.error();
  if (const auto done = storage_.sync_folder(where.log_folder); !done) return done.error();
  files_.erase(files_.begin());
  const auto there = storage_.exists(where.index_path());
  if (there && *there) {
    if (const auto done = storage_.remove(where.index_path()); !done) return done.error();
  }
  // A generation goes when files of a later one are all that is left.
  if (files_.front().begin.generation == file.begin.generation) return {};
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

}  // namespace tiderelay::relay
