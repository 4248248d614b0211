// conf/reader.cc: where problems and notes go, and where named files lie.
#include "conf/reader.h"

#include <filesystem>

namespace tiderelay::conf {

void Reader::refuse(const YamlNode& at, std::string text, std::uint32_t dm_code) {
  problems_.push_back({file_, at.line, at.path, std::move(text), dm_code});
}

void Reader::refuse_type(const YamlNode& at, const std::string& wanted) {
  refuse(at, "wants " + wanted + ", got " + at.described());
}

void Reader::note(const YamlNode& at, Verdict verdict, std::string text) {
  notes_.push_back({file_, at.line, at.path, verdict, std::move(text)});
}

std::string Reader::beside(const std::string& path) const {
  const std::filesystem::path named(path);
  if (named.is_absolute()) return path;
  return (std::filesystem::path(file_).parent_path() / named).string();
}

std::string Reader::read_named_file(const YamlNode& at) {
  const Result<std::string> text = access_.read_file(beside(at.text));
  if (text) return *text;
  refuse(at, text.error().text());
  return "";
}

}  // namespace tiderelay::conf
