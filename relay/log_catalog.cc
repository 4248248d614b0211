// relay/log_catalog.cc: the folder's content as a list.
#include "relay/log_catalog.h"

#include <algorithm>

#include "base/check.h"
#include "relay/log_files.h"

namespace tiderelay::relay {
namespace {

constexpr std::string_view kPinsName = "pins";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

constexpr std::string_view kWhyNames[] = {"start", "switched", "diverged"};

std::string note_text(const GenerationNote& note) {
  return std::string(kWhyNames[static_cast<std::size_t>(note.why)]) + "\n" + note.text + "\n";
}

GenerationNote parse_note(std::string_view text) {
  GenerationNote note;
  const std::size_t end = text.find('\n');
  const std::string_view name = text.substr(0, end);
  for (std::size_t i = 0; i < std::size(kWhyNames); ++i) {
    if (kWhyNames[i] == name) note.why = static_cast<GenerationNote::Why>(i);
  }
  if (end != std::string_view::npos) note.text = text.substr(end + 1);
  while (!note.text.empty() && note.text.back() == '\n') note.text.pop_back();
  return note;
}

Result<std::string> read_if_there(Storage& storage, const std::string& path) {
  const auto there = storage.exists(path);
  if (!there) return there.error();
  if (!*there) return std::string();
  return read_small_file(storage, path);
}

}  // namespace

Result<std::unique_ptr<LogCatalog>> LogCatalog::open(Storage& storage, std::string folder) {
  std::unique_ptr<LogCatalog> catalog(new LogCatalog(storage, std::move(folder)));
  if (const auto loaded = catalog->load(); !loaded) return loaded.error();
  return catalog;
}

Result<void> LogCatalog::load() {
  for (const char* part : {"/relay", "/index"}) {
    if (const auto made = storage_.make_folder(folder_ + part); !made) return made.error();
  }
  const std::string packing = folder_ + "/index/" + std::string(kPackingName);
  const auto leftover = storage_.exists(packing);
  if (!leftover) return leftover.error();
  if (*leftover) {
    if (const auto removed = storage_.remove(packing); !removed) return removed.error();
  }
  const std::string list_path = relay_folder() + "/" + std::string(kGenerationIndexName);
  const auto list = read_if_there(storage_, list_path);
  if (!list) return list.error();
  for (const std::string_view line : lines_of(*list)) {
    const auto name = parse_numbered_name(line);
    const bool ascends =
        generations_.empty() || (name && name->number > generations_.back().number);
    if (!name || name->number == 0 || name->number > UINT32_MAX || !ascends) {
      return Error(Errc::kCorrupt, list_path + ": \"" + std::string(line) +
                                       "\" is no folder name in ascending order");
    }
    Generation generation;
    generation.number = static_cast<std::uint32_t>(name->number);
    generation.uuid = name->stem;
    if (const auto loaded = load_generation(generation); !loaded) return loaded.error();
  }
  if (const auto loaded = load_pins(); !loaded) return loaded.error();
  return load_followers();
}

Result<void> LogCatalog::load_generation(const Generation& generation) {
  Generation loaded = generation;
  const std::string folder = relay_folder() + "/" + generation.folder();
  const auto note = read_if_there(storage_, folder + "/" + std::string(kNoteName));
  if (!note) return note.error();
  loaded.note = parse_note(*note);
  const auto entries = list_log_files(storage_, folder);
  if (!entries) return entries.error();
  const std::size_t before = files_.size();
  for (const LogFileEntry& entry : *entries) {
    LogFile file;
    file.begin = {generation.number, parse_numbered_name(entry.name)->number, kFirstEventOffset};
    file.folder = generation.folder();
    file.name = entry.name;
    file.size_bytes = entry.size_bytes;
    file.packed = entry.packed;
    if (entry.packed) file.packed_bytes = entry.stored_bytes;
    file.modified = entry.modified;
    files_.push_back(std::move(file));
  }
  const auto begin = files_.begin() + static_cast<std::ptrdiff_t>(before);
  std::sort(begin, files_.end(),
            [](const LogFile& a, const LogFile& b) { return a.begin < b.begin; });
  for (auto file = begin; file != files_.end(); ++file) {
    if (parse_numbered_name(file->name)->stem != parse_numbered_name(begin->name)->stem) {
      return Error(Errc::kCorrupt,
                   folder + " has log files of two names: " + begin->name + " and " + file->name);
    }
    const auto content = read_index(storage_, paths(*file).index_path());
    if (!content) return content.error();
    if (content->head && content->head->file_name == file->name) {
      file->gtids_before = content->head->gtids_before;
    }
  }
  generations_.push_back(std::move(loaded));
  return {};
}

FilePaths LogCatalog::paths(const LogFile& file) const {
  return {relay_folder() + "/" + file.folder, folder_ + "/index/" + file.folder, file.name};
}

std::vector<LogFile> LogCatalog::files() const {
  const std::lock_guard lock(mutex_);
  return files_;
}

std::vector<Generation> LogCatalog::generations() const {
  const std::lock_guard lock(mutex_);
  return generations_;
}

std::optional<Generation> LogCatalog::generation(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  for (const Generation& generation : generations_) {
    if (generation.number == number) return generation;
  }
  return std::nullopt;
}

std::optional<Generation> LogCatalog::last_generation() const {
  const std::lock_guard lock(mutex_);
  if (generations_.empty()) return std::nullopt;
  return generations_.back();
}

std::optional<LogFile> LogCatalog::last_file() const {
  const std::lock_guard lock(mutex_);
  if (files_.empty()) return std::nullopt;
  return files_.back();
}

std::uint64_t LogCatalog::total_bytes() const {
  const std::lock_guard lock(mutex_);
  return total_bytes_locked();
}

std::uint64_t LogCatalog::ended_bytes() const {
  const std::lock_guard lock(mutex_);
  return files_.empty() ? 0 : total_bytes_locked() - files_.back().stored_bytes();
}

std::uint64_t LogCatalog::total_bytes_locked() const {
  std::uint64_t total = 0;
  for (const LogFile& file : files_) total += file.stored_bytes();
  return total;
}

std::uint64_t LogCatalog::bytes_between(const LogPosition& from, const LogPosition& to) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t total = 0;
  for (const LogFile& file : files_) {
    LogPosition end = file.begin;
    end.offset_bytes = std::max(file.size_bytes, kFirstEventOffset);
    const LogPosition first = std::max(from, file.begin);
    const LogPosition last = std::min(to, end);
    if (first < last) total += last.offset_bytes - first.offset_bytes;
  }
  return total;
}

std::optional<LogPosition> LogCatalog::first_file_not_after(const GtidState& low) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(files_.rbegin(), files_.rend(), [&low](const LogFile& file) {
    return file.gtids_before && low.contains(*file.gtids_before);
  });
  if (found == files_.rend()) return std::nullopt;
  return found->begin;
}

std::string LogCatalog::text(const LogPosition& position) const {
  const std::lock_guard lock(mutex_);
  NamedPosition named;
  named.position = position;
  for (const Generation& generation : generations_) {
    if (generation.number == position.generation) named.folder = generation.folder();
  }
  for (const LogFile& file : files_) {
    if (file.begin.generation != position.generation) continue;
    named.file = numbered_name(parse_numbered_name(file.name)->stem, position.file);
  }
  if (named.folder.empty()) named.folder = numbered_name("?", position.generation);
  if (named.file.empty()) named.file = numbered_name("?", position.file);
  return named.text();
}

Result<LogPosition> LogCatalog::parse(std::string_view text) const {
  const auto named = parse_named_position(text);
  if (!named) return named.error();
  const std::lock_guard lock(mutex_);
  for (const Generation& generation : generations_) {
    if (generation.folder() == named->folder) return named->position;
    if (generation.number == named->position.generation) {
      return Error(Errc::kDiverged, "position " + std::string(text) +
                                        " is not of this log, whose " +
                                        "generation of that number is " + generation.folder());
    }
  }
  // Older than all that is left: a place that was purged is still a place of this log.
  if (!generations_.empty() && named->position.generation < generations_.front().number) {
    return named->position;
  }
  return Error(Errc::kDiverged,
               "position " + std::string(text) + " is of a generation that this log does not have");
}

Result<Generation> LogCatalog::add_generation(const std::string& uuid, const GenerationNote& note) {
  const std::lock_guard lock(mutex_);
  Generation generation;
  generation.number = generations_.empty() ? 1 : generations_.back().number + 1;
  generation.uuid = uuid;
  generation.note = note;
  const std::string folder = relay_folder() + "/" + generation.folder();
  if (const auto made = storage_.make_folder(folder); !made) return made.error();
  const auto noted = replace_small_file(storage_, folder, std::string(kNoteName), note_text(note));
  if (!noted) return noted.error();
  generations_.push_back(generation);
  if (const auto saved = save_generations(); !saved) {
    generations_.pop_back();
    return saved.error();
  }
  return generation;
}

Result<void> LogCatalog::save_generations() const {
  std::string list;
  for (const Generation& generation : generations_) list += generation.folder() + "\n";
  return replace_small_file(storage_, relay_folder(), std::string(kGenerationIndexName), list);
}

void LogCatalog::add_file(const LogFile& file) {
  const std::lock_guard lock(mutex_);
  CHECK(files_.empty() || files_.back().begin < file.begin, "log files come in order");
  files_.push_back(file);
}

void LogCatalog::remove_file(const LogPosition& begin) {
  const std::lock_guard lock(mutex_);
  std::erase_if(files_, [&begin](const LogFile& file) { return file.begin == begin; });
}

Result<void> LogCatalog::replace_with_packed(const LogFile& file, const std::string& path,
                                             std::uint64_t packed_bytes) {
  const std::lock_guard one_at_a_time(purging_);
  const auto same = [&file](const LogFile& one) { return one.begin == file.begin; };
  const FilePaths where = paths(file);
  {
    const std::lock_guard lock(mutex_);
    if (std::ranges::none_of(files_, same)) return storage_.remove(path);
  }
  const std::string packed_path = where.log_path() + std::string(kPackedSuffix);
  if (const auto named = storage_.rename(path, packed_path); !named) return named.error();
  if (const auto done = storage_.sync_folder(where.log_folder); !done) return done.error();
  if (const auto gone = storage_.remove(where.log_path()); !gone) return gone.error();
  if (const auto done = storage_.sync_folder(where.log_folder); !done) return done.error();
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(files_, same);
  found->packed = true;
  found->packed_bytes = packed_bytes;
  return {};
}

void LogCatalog::note_unpacked(const LogPosition& position) {
  const std::lock_guard lock(mutex_);
  for (LogFile& file : files_) {
    if (file.begin == position) file.packed = false;
  }
}

void LogCatalog::grow(const LogPosition& end) {
  const std::lock_guard lock(mutex_);
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    if (file->begin.generation != end.generation || file->begin.file != end.file) continue;
    file->size_bytes = end.offset_bytes;
    file->modified = std::chrono::system_clock::now();
    return;
  }
}

void LogCatalog::set_gtids_before(const LogPosition& position, GtidState gtids) {
  const std::lock_guard lock(mutex_);
  for (LogFile& file : files_) {
    if (file.begin.generation == position.generation && file.begin.file == position.file) {
      file.gtids_before = std::move(gtids);
      return;
    }
  }
}

Result<void> LogCatalog::load_pins() {
  const auto text = read_if_there(storage_, folder_ + "/index/" + std::string(kPinsName));
  if (!text) return text.error();
  for (const std::string_view line : lines_of(*text)) {
    const std::size_t tab = line.find('\t');
    const auto place = parse_named_position(line.substr(tab == line.npos ? 0 : tab + 1));
    if (!place || tab == line.npos) {
      return Error(Errc::kCorrupt, folder_ + "/index/pins: \"" + std::string(line) +
                                       "\" is not a reader and a position");
    }
    pins_[std::string(line.substr(0, tab))] = place->position;
  }
  return {};
}

}  // namespace tiderelay::relay
