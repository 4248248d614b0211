// tests/sim/sim_disk.h: a disk in memory that forgets, fills up and breaks.
//
// Fault model. crash() is a power cut: of each file it keeps what its last sync() covered and, of
// what was written or cut after it, a random prefix, whose last bytes may be torn (zeros in place
// of what was written); a name made, changed or removed since the last sync_folder() is there or
// not, by chance. kill() is the end of the process alone: everything written stays. Writes may stop
// half way with a full disk (space_bytes) or an error (fail_writes_in), syncs may fail
// (fail_syncs_in). Not modelled: synced bytes that change, folders whose own name is lost.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "relay/storage.h"

namespace tiderelay::tests {

class SimDisk final : public relay::Storage {
 public:
  explicit SimDisk(std::uint64_t seed = 1) : random_(seed) {}

  std::uint64_t space_bytes = std::numeric_limits<std::uint64_t>::max();
  int fail_writes_in = -1;  // 0: the next write fails with an I/O error; -1: never
  int fail_syncs_in = -1;

  void crash() {
    for (auto& [path, folder] : folders_) crash_names(folder);
    for (auto& [path, folder] : folders_) {
      for (auto& [name, node] : folder.names) crash_file(*node);
    }
  }
  void kill() {
    for (auto& [path, folder] : folders_) {
      for (auto& [name, node] : folder.names) node->synced = node->bytes;
      folder.synced = folder.names;
    }
  }

  void forget(const std::string& path) {
    folder_of(path).names.erase(name_of(path));
    folder_of(path).synced.erase(name_of(path));
  }
  [[nodiscard]] std::uint64_t used() const {
    std::uint64_t total = 0;
    for (const auto& [path, folder] : folders_) {
      for (const auto& [name, node] : folder.names) total += node->bytes.size();
    }
    return total;
  }
  void copy_from(const SimDisk& other) {
    for (const auto& [path, folder] : other.folders_) {
      Folder& mine = folders_[path];
      for (const auto& [name, node] : folder.names)
        mine.names[name] = std::make_shared<Node>(*node);
      mine.synced = mine.names;
    }
  }
  [[nodiscard]] std::string content(const std::string& path) const {
    const auto node = find(path);
    return node ? node->bytes : "";
  }
  void set_content(const std::string& path, const std::string& bytes) {
    auto& node = folder_of(path).names[name_of(path)];
    if (!node) node = std::make_shared<Node>();
    node->bytes = node->synced = bytes;
    folder_of(path).synced = folder_of(path).names;
  }

  Result<std::shared_ptr<relay::StoredFile>> open(const std::string& path, Open how) override {
    auto node = find(path);
    if (!node && how != Open::kCreate) return Error(Errc::kStorage, "no file " + path);
    if (!node) {
      node = std::make_shared<Node>();
      folder_of(path).names[name_of(path)] = node;
    }
    return std::shared_ptr<relay::StoredFile>(std::make_shared<File>(*this, node, path));
  }
  Result<std::vector<relay::FolderEntry>> list(const std::string& folder) const override {
    std::vector<relay::FolderEntry> entries;
    if (find(folder)) return Error(Errc::kStorage, folder + " is no folder");
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return entries;
    for (const auto& [name, node] : found->second.names) {
      relay::FolderEntry entry;
      entry.name = name;
      entry.size_bytes = node->bytes.size();
      entry.modified = node->modified;
      entries.push_back(entry);
    }
    return entries;
  }
  Result<bool> exists(const std::string& path) const override {
    return find(path) != nullptr || folders_.contains(path);
  }
  Result<void> make_folder(const std::string& path) override {
    folders_[path];
    return {};
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    auto node = find(from);
    if (!node) return Error(Errc::kStorage, "no file " + from);
    folder_of(from).names.erase(name_of(from));
    folder_of(to).names[name_of(to)] = std::move(node);
    return {};
  }
  Result<void> remove(const std::string& path) override {
    if (folders_.erase(path) > 0) return {};
    if (folder_of(path).names.erase(name_of(path)) == 0) {
      return Error(Errc::kStorage, "no file " + path);
    }
    return {};
  }
  Result<void> sync_folder(const std::string& path) override {
    folders_[path].synced = folders_[path].names;
    return {};
  }
  Result<relay::FreeSpace> free_space(const std::string&) const override {
    const std::uint64_t used_bytes = used();
    relay::FreeSpace space;
    space.total_bytes = space_bytes;
    space.free_bytes = used_bytes < space_bytes ? space_bytes - used_bytes : 0;
    return space;
  }

 private:
  struct Node {
    std::string bytes;
    std::string synced;
    std::chrono::system_clock::time_point modified;
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  struct Folder {
    Names names;
    Names synced;
  };

  class File final : public relay::StoredFile {
   public:
    File(SimDisk& disk, std::shared_ptr<Node> node, std::string path)
        : disk_(disk), node_(std::move(node)), path_(std::move(path)) {}

    Result<void> write_at(std::uint64_t offset, ByteView bytes) override {
      if (disk_.fail_writes_in == 0) return Error(Errc::kStorage, path_ + ": I/O error");
      if (disk_.fail_writes_in > 0) --disk_.fail_writes_in;
      const std::size_t end = offset + bytes.size();
      const std::size_t grows_by = end > node_->bytes.size() ? end - node_->bytes.size() : 0;
      const std::uint64_t used_bytes = disk_.used();
      const std::uint64_t room = disk_.space_bytes - std::min(disk_.space_bytes, used_bytes);
      const bool full = grows_by > room;
      if (full) bytes = bytes.first(bytes.size() - (grows_by - room));
      if (node_->bytes.size() < offset + bytes.size()) node_->bytes.resize(offset + bytes.size());
      if (!bytes.empty()) std::memcpy(node_->bytes.data() + offset, bytes.data(), bytes.size());
      if (full) return Error(Errc::kLimit, path_ + ": no space left on device");
      return {};
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
      if (offset >= node_->bytes.size()) return std::size_t{0};
      const std::size_t count = std::min<std::size_t>(into.size(), node_->bytes.size() - offset);
      if (count > 0) std::memcpy(into.data(), node_->bytes.data() + offset, count);
      return count;
    }
    Result<void> sync() override {
      if (disk_.fail_syncs_in == 0) return Error(Errc::kStorage, path_ + ": I/O error");
      if (disk_.fail_syncs_in > 0) --disk_.fail_syncs_in;
      node_->synced = node_->bytes;
      return {};
    }
    Result<void> truncate(std::uint64_t size_bytes) override {
      node_->bytes.resize(size_bytes);
      return {};
    }
    Result<std::uint64_t> size() const override { return node_->bytes.size(); }

   private:
    SimDisk& disk_;
    const std::shared_ptr<Node> node_;
    const std::string path_;
  };

  static std::string folder_name(const std::string& path) {
    return path.substr(0, path.rfind('/'));
  }
  static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  Folder& folder_of(const std::string& path) { return folders_[folder_name(path)]; }
  std::shared_ptr<Node> find(const std::string& path) const {
    const auto folder = folders_.find(folder_name(path));
    if (folder == folders_.end()) return nullptr;
    const auto found = folder->second.names.find(name_of(path));
    return found == folder->second.names.end() ? nullptr : found->second;
  }
  void crash_names(Folder& folder) {
    Names kept = folder.synced;
    for (const auto& [name, node] : folder.names) {
      const auto before = folder.synced.find(name);
      const bool changed = before == folder.synced.end() || before->second != node;
      if (changed && random_() % 2 == 0) kept[name] = node;
    }
    for (const auto& [name, node] : folder.synced) {
      if (!folder.names.contains(name) && random_() % 2 == 0) kept.erase(name);
    }
    folder.names = folder.synced = kept;
  }
  void crash_file(Node& node) {
    const auto same =
        std::mismatch(node.bytes.begin(), node.bytes.end(), node.synced.begin(), node.synced.end());
    const auto common = static_cast<std::size_t>(same.first - node.bytes.begin());
    std::string after = node.synced;  // nothing later survived
    if (random_() % 3 != 0) {
      // A prefix of the later bytes, over what was there before.
      const std::size_t later = node.bytes.size() - common;
      const std::size_t kept = later == 0 ? 0 : random_() % (later + 1);
      std::string mixed = node.bytes.substr(0, common + kept);
      if (random_() % 2 == 0 && node.bytes.size() < node.synced.size()) {
        mixed += node.synced.substr(mixed.size());  // the cut did not survive
      }
      const std::size_t torn = kept == 0 ? 0 : random_() % (kept + 1);
      if (random_() % 2 == 0)
        std::fill_n(mixed.begin() + static_cast<std::ptrdiff_t>(common + kept - torn), torn, '\0');
      after = mixed;
    }
    node.bytes = node.synced = after;
  }

  std::mt19937_64 random_;
  std::map<std::string, Folder> folders_;
};

}  // namespace tiderelay::tests
