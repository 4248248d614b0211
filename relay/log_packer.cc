// relay/log_packer.cc: see log_packer.h.
#include "relay/log_packer.h"

#include "relay/log_files.h"
#include "relay/log_index.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kBlocksAStep = 8;

}  // namespace

std::string LogPacker::path() const {
  return catalog_.folder() + "/index/" + std::string(kPackingName);
}

Result<LogPacker::Step> LogPacker::step() {
  if (!work_) {
    if (const auto begun = begin(); !begun) return begun.error();
    if (!work_) return Step();
  }
  Result<Step> step = advance();
  if (step && step->done.empty()) return step;
  const LogFile file = std::move(work_->file);
  work_.reset();
  if (step) return step;
  const auto leftover = storage_.exists(path());
  if (leftover && *leftover) (void)storage_.remove(path());
  if (!is_disk_full(step.error())) left_.insert(file.begin);
  return step.error().in("compressing " + file.folder + "/" + file.name);
}

Result<void> LogPacker::begin() {
  const std::vector<LogFile> files = catalog_.files();
  for (std::size_t i = 0; i + 2 < files.size(); ++i) {
    const LogFile& file = files[i];
    if (file.packed || left_.contains(file.begin)) continue;
    const FilePaths paths = catalog_.paths(file);
    const auto index = read_index(storage_, paths.index_path());
    if (!index) return index.error();
    if (!index->sealed() || index->marks.back().end_bytes != file.size_bytes) continue;
    const auto space = catalog_.free_space();
    if (!space) return space.error();
    if (space->free_bytes < keep_free_bytes_ + file.size_bytes) return {};
    auto from = storage_.open(paths.log_path(), Storage::Open::kRead);
    if (!from) return {};  // it was purged
    auto to = storage_.open(path(), Storage::Open::kCreate);
    if (!to) return to.error();
    if (const auto cut = (*to)->truncate(0); !cut) return cut.error();
    Work work;
    work.file = file;
    work.from = std::move(*from);
    work.to = std::move(*to);
    work.table.file_bytes = file.size_bytes;
    work.table.modified = file.modified;
    work_ = std::move(work);
    return {};
  }
  return {};
}

Result<LogPacker::Step> LogPacker::advance() {
  Step step;
  std::vector<std::byte> block(kPackedBlockBytes);
  std::string frames;
  for (std::size_t i = 0; i < kBlocksAStep && work_->read_bytes < work_->file.size_bytes; ++i) {
    const auto count = work_->from->read_at(work_->read_bytes, block);
    if (!count) return count.error();
    const bool last = work_->read_bytes + *count == work_->file.size_bytes;
    if (*count != block.size() && !last) return Error(Errc::kCorrupt, "its length is another one");
    const std::size_t before = frames.size();
    const auto packed = pack_block(ByteView(block).first(*count), frames);
    if (!packed) return packed.error();
    work_->table.frames.push_back(static_cast<std::uint32_t>(frames.size() - before));
    work_->read_bytes += *count;
    step.read_bytes += *count;
  }
  const auto written = work_->to->write_at(work_->written_bytes, as_bytes(frames));
  if (!written) return written.error();
  work_->written_bytes += frames.size();
  if (work_->read_bytes < work_->file.size_bytes) return step;
  auto finished = finish();
  if (finished) finished->read_bytes = step.read_bytes;
  return finished;
}

Result<LogPacker::Step> LogPacker::finish() {
  const std::string table = encode_packed_table(work_->table);
  const auto written = work_->to->write_at(work_->written_bytes, as_bytes(table));
  if (!written) return written.error();
  if (const auto synced = work_->to->sync(); !synced) return synced.error();
  const std::uint64_t stored_bytes = work_->written_bytes + table.size();
  const auto replaced = catalog_.replace_with_packed(work_->file, path(), stored_bytes);
  if (!replaced) return replaced.error();
  Step step;
  step.done = work_->file.folder + "/" + work_->file.name + ": " +
              std::to_string(work_->file.size_bytes) + " bytes compressed to " +
              std::to_string(stored_bytes);
  return step;
}

}  // namespace tiderelay::relay
