// relay/log_files.cc: one name, two forms.
#include "relay/log_files.h"

#include <set>

#include "relay/log_names.h"
#include "relay/packed_file.h"

namespace tiderelay::relay {
namespace {

std::string packed(const std::string& path) { return path + std::string(kPackedSuffix); }

Result<LogFileEntry> packed_entry(Storage& storage, const std::string& folder,
                                  const FolderEntry& entry) {
  const std::string path = folder + "/" + entry.name;
  const auto file = storage.open(path, Storage::Open::kRead);
  if (!file) return file.error();
  const auto table = read_packed_table(**file);
  if (!table) {
    return table.error().in(path).with_way_out(
        "put the file back from a copy, or remove it and all later files of its folder so that "
        "they are fetched again while the upstream still has them");
  }
  LogFileEntry found;
  found.name = log_file_name(entry);
  found.size_bytes = table->file_bytes;
  found.stored_bytes = entry.size_bytes;
  found.modified = table->modified;
  found.packed = true;
  return found;
}

}  // namespace

std::string log_file_name(const FolderEntry& entry) {
  std::string name = entry.name;
  if (entry.is_folder) return "";
  if (name.ends_with(kPackedSuffix)) name.resize(name.size() - kPackedSuffix.size());
  return parse_numbered_name(name) ? name : "";
}

Result<std::vector<LogFileEntry>> list_log_files(Storage& storage, const std::string& folder) {
  const auto entries = storage.list(folder);
  if (!entries) return entries.error();
  std::vector<LogFileEntry> files;
  std::set<std::string> plain;
  for (const FolderEntry& entry : *entries) {
    if (log_file_name(entry) != entry.name) continue;
    plain.insert(entry.name);
    files.push_back({entry.name, entry.size_bytes, entry.size_bytes, entry.modified, false});
  }
  for (const FolderEntry& entry : *entries) {
    const std::string name = log_file_name(entry);
    if (name.empty() || name == entry.name) continue;
    if (plain.contains(name)) {
      const auto removed = storage.remove(folder + "/" + entry.name);
      if (!removed) return removed.error();
      continue;
    }
    auto found = packed_entry(storage, folder, entry);
    if (!found) return found.error();
    files.push_back(std::move(*found));
  }
  return files;
}

Result<std::shared_ptr<StoredFile>> open_log_file(Storage& storage, const std::string& path) {
  auto plain = storage.open(path, Storage::Open::kRead);
  if (plain) {
    const auto is_packed = looks_packed(**plain);
    if (!is_packed) return is_packed.error();
    if (*is_packed) return PackedFile::open(std::move(*plain), path);
    return plain;
  }
  auto other = storage.open(packed(path), Storage::Open::kRead);
  if (!other) return plain.error();
  return PackedFile::open(std::move(*other), packed(path));
}

Result<bool> has_log_file(Storage& storage, const std::string& path) {
  const auto plain = storage.exists(path);
  if (!plain || *plain) return plain;
  return storage.exists(packed(path));
}

Result<void> remove_log_file(Storage& storage, const std::string& path) {
  bool any = false;
  for (const std::string& form : {path, packed(path)}) {
    const auto there = storage.exists(form);
    if (!there) return there.error();
    if (!*there) continue;
    any = true;
    if (const auto removed = storage.remove(form); !removed) return removed.error();
  }
  if (!any) return Error(Errc::kStorage, "no file " + path);
  return {};
}

Result<void> unpack_log_file(Storage& storage, const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  const auto there = storage.exists(path);
  if (!there) return there.error();
  if (*there) return {};
  const auto from = open_log_file(storage, path);
  if (!from) return from.error();
  const std::string beside = path + ".new";
  const auto to = storage.open(beside, Storage::Open::kCreate);
  if (!to) return to.error();
  if (const auto cut = (*to)->truncate(0); !cut) return cut.error();
  std::vector<std::byte> block(kPackedBlockBytes);
  for (std::uint64_t at = 0;;) {
    const auto count = (*from)->read_at(at, block);
    if (!count) return count.error();
    if (*count == 0) break;
    const auto written = (*to)->write_at(at, ByteView(block).first(*count));
    if (!written) return written.error();
    at += *count;
  }
  if (const auto synced = (*to)->sync(); !synced) return synced.error();
  if (const auto renamed = storage.rename(beside, path); !renamed) return renamed.error();
  if (const auto synced = storage.sync_folder(folder); !synced) return synced.error();
  return storage.remove(packed(path));
}

}  // namespace tiderelay::relay
