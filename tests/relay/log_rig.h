// tests/relay/log_rig.h: a relay log on a simulated disk, and ways to fill and read it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/log_reader.h"
#include "relay/relay_log.h"
#include "tests/relay/log_maker.h"
#include "tests/sim/sim_disk.h"

namespace tiderelay::tests {

inline constexpr const char* kLogFolder = "/data/sources/s1";

inline std::unique_ptr<relay::RelayLog> open_log(SimDisk& disk,
                                                 std::uint64_t mark_interval_bytes = 256) {
  relay::RelayLogOptions options;
  options.folder = kLogFolder;
  options.writer.mark_interval_bytes = mark_interval_bytes;
  options.writer.block_bytes = 512;
  auto log = relay::RelayLog::open(disk, options);
  EXPECT_TRUE(log) << (log ? "" : log.error().text());
  return log ? std::move(*log) : nullptr;
}

inline void sync(relay::RelayLog& log) {
  auto job = log.writer().take_sync();
  ASSERT_TRUE(job) << job.error().text();
  if (!*job) return;
  const auto done = (*job)->run();
  ASSERT_TRUE(done) << done.error().text();
  log.writer().finish_sync(**job);
}

// Appends the events of `bytes`, a file's bytes from `from` on.
inline Result<void> append_events(relay::RelayLog& log, std::string_view bytes, std::size_t from) {
  while (from < bytes.size()) {
    const auto header = protocol::load_event_header(as_bytes(bytes.substr(from)));
    const auto event = as_bytes(bytes.substr(from, header.event_size_bytes));
    if (auto done = log.writer().append(event, true, true); !done) return done;
    from += header.event_size_bytes;
  }
  return {};
}

// Everything of the maker's files, synced.
inline void receive_all(relay::RelayLog& log, const LogMaker& maker) {
  if (!log.catalog().last_generation()) {
    ASSERT_TRUE(log.start_generation(std::string(kMakerUuid), {}));
  }
  for (const auto& file : maker.files()) {
    ASSERT_TRUE(log.start_file(file.name));
    const auto done = append_events(log, file.bytes, 4);
    ASSERT_TRUE(done) << done.error().text();
    sync(log);
  }
}

inline std::string log_path(std::size_t file, std::uint32_t generation = 1) {
  return std::string(kLogFolder) + "/relay/" + relay::numbered_name(kMakerUuid, generation) + "/" +
         LogMaker::name(file);
}
inline std::string index_path(std::size_t file, std::uint32_t generation = 1) {
  return std::string(kLogFolder) + "/index/" + relay::numbered_name(kMakerUuid, generation) + "/" +
         LogMaker::name(file) + ".idx";
}

// All events from `start` to the log's end, as bytes; the error that ended it, if one did.
struct ReadBack {
  std::string bytes;
  std::size_t events = 0;
  std::optional<Error> error;
};
inline ReadBack read_all(SimDisk& disk, relay::RelayLog& log, relay::LogPosition start) {
  relay::LogReader reader(disk, log.relay_folder(), start);
  ReadBack read;
  for (;;) {
    auto event = reader.next(log.end().get().position);
    if (!event) {
      read.error = event.error();
      return read;
    }
    if (!*event) return read;
    read.bytes += as_text((*event)->bytes);
    ++read.events;
  }
}

}  // namespace tiderelay::tests
