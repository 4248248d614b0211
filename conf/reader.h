// conf/reader.h: one file while it is read: where problems and notes go, what it may reach.
//
// Problems are collected, not thrown: a file is read to its end and all that is wrong with it is
// told at once.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "conf/file_access.h"
#include "conf/problem.h"
#include "conf/yaml_tree.h"

namespace tiderelay::conf {

inline constexpr std::uint32_t kDmYamlError = 20003;

class Reader {
 public:
  Reader(std::string file, const FileAccess& access) : file_(std::move(file)), access_(access) {}

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const FileAccess& access() const { return access_; }
  [[nodiscard]] std::vector<Problem>& problems() { return problems_; }
  [[nodiscard]] std::vector<Note>& notes() { return notes_; }

  void refuse(const YamlNode& at, std::string text, std::uint32_t dm_code = kDmYamlError);
  // "wants a whole number, got a list"
  void refuse_type(const YamlNode& at, const std::string& wanted);
  void note(const YamlNode& at, Verdict verdict, std::string text);

  // A path that the file names: relative ones are relative to the file's folder.
  [[nodiscard]] std::string beside(const std::string& path) const;
  // The text of a file that a key names; after a problem: empty.
  [[nodiscard]] std::string read_named_file(const YamlNode& at);

 private:
  std::string file_;
  const FileAccess& access_;
  std::vector<Problem> problems_;
  std::vector<Note> notes_;
};

}  // namespace tiderelay::conf
