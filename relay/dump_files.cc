// relay/dump_files.cc: see dump_files.h.
#include "relay/dump_files.h"

#include "relay/log_files.h"

namespace tiderelay::relay {
namespace {

Error no_next_file(const FollowRequest& request, const LogFile& file, bool purged) {
  if (purged && !request.by_gtid()) {
    return fatal_dump_error("could not find next log; what follows '" + file.name + "' was purged");
  }
  if (request.by_gtid()) {
    return passing_dump_error("the log does not go on behind " + file.name +
                              ": connect again, the GTID set finds the place");
  }
  return fatal_dump_error(
      "could not find next log; the source was replaced by another server behind '" + file.name +
      "': a position there means nothing here");
}

}  // namespace

Result<void> DumpFiles::open(const LogFile& file) {
  info_ = file;
  ended_bytes_.reset();
  auto opened = open_log_file(storage_, log_.catalog().paths(file).log_path());
  if (!opened) {
    return fatal_dump_error("Could not find first log file name in binary log index file");
  }
  file_ = std::move(*opened);
  return {};
}

Result<DumpFiles::Extent> DumpFiles::extent() {
  const LogPosition end = log_.end().get().position;
  Extent extent;
  if (end.generation == info_.begin.generation && end.file == info_.begin.file) {
    extent.bytes = end.offset_bytes;
    return extent;
  }
  extent.bytes = kFirstEventOffset;
  if (end < info_.begin) return extent;
  if (!ended_bytes_) {
    const auto size = file_->size();
    if (!size) return size.error();
    ended_bytes_ = *size;
  }
  extent.bytes = *ended_bytes_;
  extent.ended = true;
  return extent;
}

// The file behind this one in its generation; nothing: the generation ends, or it was purged.
std::optional<LogFile> DumpFiles::following() const {
  for (const LogFile& file : log_.catalog().files()) {
    if (file.begin.generation != info_.begin.generation) continue;
    if (file.begin.file == info_.begin.file + 1) return file;
  }
  return std::nullopt;
}

Result<void> DumpFiles::open_next(const FollowRequest& request, DumpStream& dump) {
  const std::optional<LogFile> next = following();
  if (!next) {
    const bool goes_on = log_.end().get().position.generation == info_.begin.generation;
    return no_next_file(request, info_, goes_on);
  }
  dump.begin_file(next->name);
  return open(*next);
}

}  // namespace tiderelay::relay
