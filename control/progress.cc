// control/progress.cc: bars, counts and times for people.
#include "control/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace tiderelay::control {

namespace {

constexpr std::size_t kTablesShown = 12;
constexpr unsigned kBarColumns = 24;

std::string painted(const std::string& text, const char* code, bool colour) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

// Cut to the width, so that a redraw never wraps. Counts characters of UTF-8, not bytes.
std::string cut(const std::string& text, unsigned columns) {
  unsigned seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0U) == 0x80U) continue;
    if (++seen > columns) return text.substr(0, i);
  }
  return text;
}

const char* unit_word(const TaskStatus& status) {
  switch (status.unit) {
    case Unit::kCheck:
      return "checking";
    case Unit::kDump:
    case Unit::kLoad:
      return "copying";
    case Unit::kSync:
      return status.caught_up ? "in step" : "catching up";
  }
  return "";
}

std::string head(const NamedStatus& one) {
  const TaskStatus& status = one.status;
  const std::string name = one.task + "/" + one.source_id;
  if (status.stage == Stage::kPaused) return name + ": paused";
  if (status.stage == Stage::kFinished) return name + ": finished";
  if (status.stage == Stage::kStopped) return name + ": stopped";
  return name + ": " + unit_word(status);
}

std::string copy_totals(const TaskStatus& status) {
  std::uint64_t done = 0;
  std::uint64_t estimated = 0;
  std::size_t tables_done = 0;
  for (const TableProgress& table : status.tables) {
    done += table.rows_done;
    estimated += std::max(table.rows_estimated, table.rows_done);
    tables_done += table.done ? 1 : 0;
  }
  std::string text = fmt::format("{} of {} tables, {} of about {} rows", tables_done,
                                 status.tables.size(), short_count(static_cast<double>(done)),
                                 short_count(static_cast<double>(estimated)));
  if (status.rows_per_second > 0) {
    text += fmt::format(", {} rows/s", short_count(status.rows_per_second));
  }
  if (status.time_left) text += ", " + short_duration(*status.time_left) + " left";
  return text;
}

std::string sync_totals(const TaskStatus& status) {
  std::string text =
      fmt::format("{} rows in {} transactions", short_count(static_cast<double>(status.rows)),
                  short_count(static_cast<double>(status.transactions)));
  if (status.rows_per_second >= 1) {
    text += fmt::format(", {} rows/s", short_count(status.rows_per_second));
  }
  text += fmt::format(", lag {:.1f} s", status.lag_seconds);
  if (status.bytes_behind > 0) {
    const std::string bytes = short_count(static_cast<double>(status.bytes_behind));
    const bool plain = bytes.back() >= '0' && bytes.back() <= '9';
    text += ", " + bytes + (plain ? " B behind" : "B behind");
  }
  if (status.rows_missed > 0) text += fmt::format(", {} rows not found", status.rows_missed);
  return text;
}

std::string totals(const TaskStatus& status) {
  switch (status.unit) {
    case Unit::kCheck:
      return "";
    case Unit::kDump:
    case Unit::kLoad:
      return copy_totals(status);
    case Unit::kSync:
      return sync_totals(status);
  }
  return "";
}

void add_tables(std::vector<std::string>& lines, const TaskStatus& status) {
  std::vector<const TableProgress*> busy;
  for (const TableProgress& table : status.tables) {
    if (!table.done) busy.push_back(&table);
  }
  std::stable_sort(busy.begin(), busy.end(), [](const TableProgress* a, const TableProgress* b) {
    return a->rows_done > b->rows_done;
  });
  for (std::size_t i = 0; i < std::min(busy.size(), kTablesShown); ++i) {
    const TableProgress& table = *busy[i];
    const double total =
        static_cast<double>(std::max({table.rows_estimated, table.rows_done, std::uint64_t{1}}));
    const double done = static_cast<double>(table.rows_done);
    lines.push_back(fmt::format("  [{}] {:3.0f} %  {}  {} rows{}",
                                progress_bar(done, total, kBarColumns), 100.0 * done / total,
                                table.source, short_count(done),
                                table.note.empty() ? "" : "  (" + table.note + ")"));
  }
  if (busy.size() > kTablesShown) {
    lines.push_back(fmt::format("  and {} more tables", busy.size() - kTablesShown));
  }
}

}  // namespace

std::string progress_bar(double done, double total, unsigned columns) {
  const double part = total > 0 ? std::clamp(done / total, 0.0, 1.0) : 0.0;
  const auto full = static_cast<unsigned>(part * columns);
  return std::string(full, '#') + std::string(columns - full, '-');
}

std::string short_count(double count) {
  if (count < 10'000) return fmt::format("{:.0f}", count);
  if (count < 1'000'000) return fmt::format("{:.0f} k", count / 1e3);
  if (count < 1'000'000'000) return fmt::format("{:.1f} M", count / 1e6);
  return fmt::format("{:.2f} G", count / 1e9);
}

std::string short_duration(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::vector<std::string> progress_lines(const std::vector<NamedStatus>& all,
                                        const ProgressStyle& style) {
  std::vector<std::string> lines;
  for (const NamedStatus& one : all) {
    const TaskStatus& status = one.status;
    const bool paused = status.stage == Stage::kPaused;
    const bool copying = status.unit == Unit::kDump || status.unit == Unit::kLoad;
    lines.push_back(head(one) + "  " + totals(status));
    const std::size_t first = lines.size() - 1;
    if (copying && !paused) add_tables(lines, status);
    if (status.error) {
      lines.push_back("  " + status.error->text());
      if (!status.error->way_out().empty()) lines.push_back("  -> " + status.error->way_out());
    }
    for (std::size_t i = first; i < lines.size(); ++i) lines[i] = cut(lines[i], style.columns);
    lines[first] = painted(lines[first], paused ? "1;31" : "1", style.colour);
  }
  return lines;
}

std::string progress_line(const NamedStatus& one) {
  const TaskStatus& status = one.status;
  std::string line = head(one);
  if (status.unit != Unit::kCheck) line += ", " + totals(status);
  if (status.error) {
    line += ": " + status.error->text();
    if (!status.error->way_out().empty()) line += " -> " + status.error->way_out();
  }
  return line;
}

}  // namespace tiderelay::control
