// control/state_files.cc: see state_files.h.
#include "control/state_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace tiderelay::control {

namespace json = boost::json;

namespace {

constexpr std::string_view kMark = "# tiderelay: ";
constexpr std::string_view kSuffix = ".yaml";
constexpr std::size_t kNameBytesMax = 200;

std::string folder_of(const std::string& data_dir, StateKind kind) {
  return data_dir + (kind == StateKind::kSource ? "/sources" : "/tasks");
}

Error failed(const std::string& path) {
  return Error(Errc::kStorage, path + ": " + std::strerror(errno));
}

Result<void> write_synced(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return failed(path);
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t now = ::write(file, text.data() + written, text.size() - written);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) break;
    written += static_cast<std::size_t>(now);
  }
  const bool whole = written == text.size() && ::fsync(file) == 0;
  const Error error = failed(path);
  ::close(file);
  if (!whole) return error;
  return {};
}

Result<void> sync_folder(const std::string& folder) {
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return failed(folder);
  const bool synced = ::fsync(opened) == 0;
  const Error error = failed(folder);
  ::close(opened);
  if (!synced) return error;
  return {};
}

void read_copies(const json::value* copy, StateFile& state) {
  if (copy == nullptr || !copy->is_object()) return;
  for (const auto& item : copy->get_object()) {
    if (!item.value().is_array()) continue;
    for (const json::value& name : item.value().get_array()) {
      const bool named = name.is_array() && name.get_array().size() == 2 &&
                         name.get_array()[0].is_string() && name.get_array()[1].is_string();
      if (!named) continue;
      state.copy[std::string(item.key())].emplace(std::string(name.get_array()[0].get_string()),
                                                  std::string(name.get_array()[1].get_string()));
    }
  }
}

}  // namespace

Result<void> check_state_name(const std::string& name) {
  const bool plain = std::ranges::all_of(
      name, [](char c) { return c != '/' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (plain && !name.empty() && name.front() != '.' && name.size() <= kNameBytesMax &&
      !name.ends_with(kSuffix)) {
    return {};
  }
  return Error(Errc::kConfig, "the name \"" + name + "\" cannot be a file's name")
      .with_way_out(
          "names have up to 200 bytes without '/' and control characters, do not begin "
          "with '.' and do not end with .yaml");
}

std::string encode_state(const StateFile& state) {
  json::object head;
  head["file"] = state.file;
  json::object stages;
  for (const auto& [source, stage] : state.stages) {
    stages[source] = stage == WantedStage::kRunning ? "Running" : "Paused";
  }
  head["sources"] = std::move(stages);
  if (!state.forget.empty()) {
    json::array forget;
    for (const std::string& source : state.forget) forget.push_back(json::string(source));
    head["forget"] = std::move(forget);
  }
  if (!state.copy.empty()) {
    json::object copy;
    for (const auto& [source, tables] : state.copy) {
      json::array names;
      for (const auto& [schema, table] : tables) names.push_back(json::array{schema, table});
      copy[source] = std::move(names);
    }
    head["copy"] = std::move(copy);
  }
  return std::string(kMark) + json::serialize(head) + "\n" + state.yaml;
}

Result<StateFile> decode_state(const std::string& name, const std::string& text) {
  const std::size_t end = text.find('\n');
  boost::system::error_code failure;
  const json::value head = text.starts_with(kMark) && end != std::string::npos
                               ? json::parse(text.substr(kMark.size(), end - kMark.size()), failure)
                               : json::value();
  const json::object* const object = failure ? nullptr : head.if_object();
  const json::value* const file = object != nullptr ? object->if_contains("file") : nullptr;
  const json::value* const sources = object != nullptr ? object->if_contains("sources") : nullptr;
  if (file == nullptr || !file->is_string() || sources == nullptr || !sources->is_object()) {
    return Error(Errc::kCorrupt, "its first line is not tiderelay's")
        .with_way_out("remove the file and give it again with tiderelay ctl");
  }
  StateFile state;
  state.name = name;
  state.file = std::string(file->get_string());
  state.yaml = text.substr(end + 1);
  for (const auto& item : sources->get_object()) {
    state.stages[std::string(item.key())] =
        item.value() == "Paused" ? WantedStage::kPaused : WantedStage::kRunning;
  }
  const json::value* const forget = object->if_contains("forget");
  if (forget != nullptr && forget->is_array()) {
    for (const json::value& source : forget->get_array()) {
      if (source.is_string()) state.forget.emplace(source.get_string());
    }
  }
  read_copies(object->if_contains("copy"), state);
  return state;
}

Result<void> save_state(const std::string& data_dir, StateKind kind, const StateFile& state) {
  const Result<void> named = check_state_name(state.name);
  if (!named) return named.error();
  const std::string folder = folder_of(data_dir, kind);
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return Error(Errc::kStorage, folder + ": " + failure.message());
  const std::string path = folder + "/" + state.name + std::string(kSuffix);
  const std::string beside = folder + "/." + state.name + ".new";
  const Result<void> written = write_synced(beside, encode_state(state));
  if (!written) return written.error();
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed(path);
  return sync_folder(folder);
}

Result<void> remove_state(const std::string& data_dir, StateKind kind, const std::string& name) {
  const std::string folder = folder_of(data_dir, kind);
  const std::string path = folder + "/" + name + std::string(kSuffix);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed(path);
  return sync_folder(folder);
}

Result<std::vector<StateFile>> load_states(const std::string& data_dir, StateKind kind) {
  const std::string folder = folder_of(data_dir, kind);
  std::vector<StateFile> states;
  std::error_code failure;
  for (auto at = std::filesystem::directory_iterator(folder, failure);
       !failure && at != std::filesystem::directory_iterator(); at.increment(failure)) {
    const std::string file = at->path().filename().string();
    if (!at->is_regular_file() || file.starts_with('.') || !file.ends_with(kSuffix)) continue;
    std::ifstream stream(at->path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    if (!stream) return Error(Errc::kStorage, at->path().string() + ": cannot be read");
    Result<StateFile> state = decode_state(file.substr(0, file.size() - kSuffix.size()), text);
    if (!state) return state.error().in(at->path().string());
    states.push_back(std::move(*state));
  }
  if (failure && failure != std::errc::no_such_file_or_directory) {
    return Error(Errc::kStorage, folder + ": " + failure.message());
  }
  std::ranges::sort(states, {}, &StateFile::name);
  return states;
}

}  // namespace tiderelay::control
