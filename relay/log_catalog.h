// relay/log_catalog.h: which generations and files a source's relay log has, who still needs them,
// and which may go.
//
// All calls from any thread; disk work happens only in open(), add_generation(), purge() and, when
// the file that a pin lies in changes, pin(). Pins survive a restart (file index/pins), so that a
// purge cannot run ahead of an applier that has not started yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "relay/gtid_state.h"
#include "relay/log_names.h"
#include "relay/log_position.h"
#include "relay/recovery.h"
#include "relay/storage.h"

namespace tiderelay::relay {

struct LogFile {
  LogPosition begin;   // {generation, number, 4}
  std::string folder;  // "<uuid>.000001"
  std::string name;
  std::uint64_t size_bytes = 0;    // of the last file: up to the log's end
  std::uint64_t packed_bytes = 0;  // what it takes on disk, compressed
  bool packed = false;
  std::chrono::system_clock::time_point modified;
  // Those of the transactions before the file; nothing while its head has not arrived.
  std::optional<GtidState> gtids_before;

  [[nodiscard]] std::uint64_t stored_bytes() const { return packed ? packed_bytes : size_bytes; }
};

// Why a generation was begun; kept in its folder as generation.note.
struct GenerationNote {
  // kDiverged: what was received before and what the upstream has now contradict each other; nobody
  // may cross into this generation without an operator's word.
  enum class Why : std::uint8_t { kStart, kSwitched, kDiverged };
  Why why = Why::kStart;
  std::string text;  // one paragraph for a person
};

struct Generation {
  std::uint32_t number = 0;
  std::string uuid;
  GenerationNote note;
  [[nodiscard]] std::string folder() const { return numbered_name(uuid, number); }
};

// Where a follower that has registered goes on when it comes back.
struct FollowerPlace {
  LogPosition from;
  std::chrono::system_clock::time_point seen;  // when it was connected the last time
  bool connected = false;
  std::string about;  // for a person: "10.0.0.3 as repl"
};

struct RetainOptions {
  std::optional<std::chrono::seconds> max_age;  // since a file was last written
  std::optional<std::uint64_t> max_bytes;       // of all files, on disk
  std::optional<std::uint64_t> min_free_bytes;  // on the disk
  // How much more than these limits allow is kept for followers, and for how long of one that left.
  std::uint64_t follower_bytes = 0;
  std::chrono::seconds follower_absence{0};  // 0: for ever
};

struct PurgeOutcome {
  std::vector<std::string> removed;  // "<uuid>.000001/mysql-bin.000003"
  std::string held_by;               // who kept a file which should have gone; empty: nobody did
  std::vector<std::string> lost;     // followers that will not find what they need, a sentence each
};

class LogCatalog {
 public:
  // Reads names, sizes and index heads. The last file is listed as it lies on disk: grow() it.
  [[nodiscard]] static Result<std::unique_ptr<LogCatalog>> open(Storage& storage,
                                                                std::string folder);

  [[nodiscard]] std::vector<LogFile> files() const;  // oldest first
  [[nodiscard]] std::vector<Generation> generations() const;
  [[nodiscard]] std::optional<Generation> generation(std::uint32_t number) const;
  [[nodiscard]] std::optional<Generation> last_generation() const;
  [[nodiscard]] std::optional<LogFile> last_file() const;
  [[nodiscard]] std::uint64_t total_bytes() const;  // on disk
  // Without the last file: what a purge could remove, and what counts against max_log_bytes, for a
  // last file above it could never end.
  [[nodiscard]] std::uint64_t ended_bytes() const;
  [[nodiscard]] Result<FreeSpace> free_space() const { return storage_.free_space(folder_); }
  // Between two places of the log; what was purged does not count.
  [[nodiscard]] std::uint64_t bytes_between(const LogPosition& from, const LogPosition& to) const;
  // The start of the newest file before which nothing lies that is not in `low`; nothing: such a
  // file was purged or never received.
  [[nodiscard]] std::optional<LogPosition> first_file_not_after(const GtidState& low) const;

  [[nodiscard]] std::string text(const LogPosition& position) const;
  // kDiverged when the text names a server or generation that this log never had.
  [[nodiscard]] Result<LogPosition> parse(std::string_view text) const;

  // A reader needs everything from `from` on. Moves forward as the reader does.
  [[nodiscard]] Result<void> pin(const std::string& reader, const LogPosition& from);
  [[nodiscard]] Result<void> unpin(const std::string& reader);
  [[nodiscard]] std::map<std::string, LogPosition> pins() const;
  // Followers by server id. note_follower() changes memory only; save_followers() what a restart
  // finds (file index/followers), when something changed that matters.
  void note_follower(std::uint32_t server_id, FollowerPlace place);
  [[nodiscard]] std::map<std::uint32_t, FollowerPlace> follower_places() const;
  [[nodiscard]] Result<void> save_followers();

  // Removes the oldest files while one of the limits is passed; never the last file, nor what is
  // pinned. Followers keep files up to follower_bytes beyond the limits. Each source has limits of
  // its own.
  [[nodiscard]] Result<PurgeOutcome> purge(const RetainOptions& retain,
                                           std::chrono::system_clock::time_point now);
  // Removes all files before `position` that no pin needs, whatever their age; followers as above.
  [[nodiscard]] Result<PurgeOutcome> purge_before(const LogPosition& position,
                                                  std::uint64_t follower_bytes = 0);

  // For the writer.
  [[nodiscard]] Result<Generation> add_generation(const std::string& uuid,
                                                  const GenerationNote& note);
  void add_file(const LogFile& file);
  void remove_file(const LogPosition& begin);
  // The whole and synced compressed copy at `path` takes the file's place; nothing happens when the
  // file was purged meanwhile.
  [[nodiscard]] Result<void> replace_with_packed(const LogFile& file, const std::string& path,
                                                 std::uint64_t packed_bytes);
  void note_unpacked(const LogPosition& file);  // it lies there as it came
  void grow(const LogPosition& end);
  void set_gtids_before(const LogPosition& file, GtidState gtids);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string relay_folder() const { return folder_ + "/relay"; }
  [[nodiscard]] FilePaths paths(const LogFile& file) const;

 private:
  LogCatalog(Storage& storage, std::string folder)
      : storage_(storage), folder_(std::move(folder)) {}
  [[nodiscard]] Result<void> load();
  [[nodiscard]] Result<void> load_generation(const Generation& generation);
  [[nodiscard]] Result<void> load_pins();
  [[nodiscard]] Result<void> load_followers();
  [[nodiscard]] std::string followers_text() const;
  [[nodiscard]] NamedPosition named(const LogPosition& position) const;
  [[nodiscard]] Result<void> save_pins() const;
  [[nodiscard]] Result<void> save_generations() const;
  [[nodiscard]] Result<void> remove_first(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] Result<void> remove_files(const FilePaths& where);
  [[nodiscard]] std::uint64_t total_bytes_locked() const;
  [[nodiscard]] std::string holder_of(const LogFile& file) const;
  // Who keeps the oldest file, `beyond_bytes` past the limits. When nobody does, followers that
  // needed it are forgotten and told of in `lost`.
  [[nodiscard]] std::string keeper_of_first(std::uint64_t beyond_bytes,
                                            std::uint64_t follower_bytes,
                                            std::vector<std::string>& lost);
  [[nodiscard]] Result<std::uint64_t> bytes_beyond(const RetainOptions& retain,
                                                   std::chrono::system_clock::time_point now) const;
  void forget_absent(const RetainOptions& retain, std::chrono::system_clock::time_point now,
                     std::vector<std::string>& lost);

  Storage& storage_;
  const std::string folder_;
  std::mutex purging_;        // whoever removes files, one at a time; comes before mutex_
  mutable std::mutex mutex_;  // guards all that follows
  std::vector<Generation> generations_;
  std::vector<LogFile> files_;  // by position
  std::map<std::string, LogPosition> pins_;
  std::map<std::uint32_t, FollowerPlace> followers_;

  std::mutex saving_;            // one save_followers() at a time; comes before mutex_
  std::string saved_followers_;  // the file's content
};

}  // namespace tiderelay::relay
