// conf/problem.cc: problems and notes as lines of text.
#include "conf/problem.h"

#include "base/check.h"

namespace tiderelay::conf {
namespace {

std::string placed(const std::string& file, std::uint32_t line, const std::string& path) {
  std::string place = file;
  if (line != 0) place += ":" + std::to_string(line);
  if (!path.empty()) place += (place.empty() ? "" : ": ") + path;
  return place;
}

}  // namespace

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHonoured:
      return "honoured";
    case Verdict::kMapped:
      return "mapped";
    case Verdict::kNoEffect:
      return "no effect";
    case Verdict::kRefused:
      return "refused";
  }
  return "";
}

std::string to_text(const Note& note) {
  return placed(note.file, note.line, note.path) + ": " +
         (note.verdict == Verdict::kHonoured ? "" : std::string(to_text(note.verdict)) + ": ") +
         note.text;
}

std::string to_text(const Problem& problem) {
  return placed(problem.file, problem.line, problem.path) + ": " + problem.text;
}

Error to_error(const std::vector<Problem>& problems) {
  CHECK(!problems.empty(), "an error needs a problem");
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += to_text(problem);
  }
  return Error(Errc::kConfig, text);
}

}  // namespace tiderelay::conf
