// control/command_run.cc: sources and tasks on threads of their own; this one draws, and waits for
// signals.
#include "control/command_run.h"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>

#include "base/hash.h"
#include "conf/file_access.h"
#include "control/data_folder.h"
#include "control/migration_files.h"
#include "control/prechecks.h"
#include "control/progress.h"
#include "control/source_runner.h"
#include "control/task_plan.h"
#include "control/task_runner.h"

namespace tiderelay::control {

namespace {

constexpr std::chrono::milliseconds kLook{50};
constexpr int kLooksBetweenRedraws = 5;
constexpr int kLinesBetweenReports = 40;  // redraws: ten seconds

void say(const std::string& line) { fmt::print(stderr, "{}\n", line); }

void say(const Error& error) {
  say("error: " + error.text());
  if (!error.way_out().empty()) say("  -> " + error.way_out());
}

// Redraws its lines in place on a terminal; elsewhere a line per task now and then, and when it
// changes.
class Screen {
 public:
  Screen() : terminal_(::isatty(STDERR_FILENO) != 0) {
    style_.colour = terminal_ && std::getenv("NO_COLOR") == nullptr;
  }

  void draw(const std::vector<NamedStatus>& all) {
    if (!terminal_) {
      report(all);
      return;
    }
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
      style_.columns = size.ws_col;
    }
    std::string text = drawn_ > 0 ? fmt::format("\x1b[{}F\x1b[J", drawn_) : "";
    const std::vector<std::string> lines = progress_lines(all, style_);
    for (const std::string& line : lines) text += line + "\n";
    drawn_ = lines.size();
    fmt::print(stderr, "{}", text);
  }

 private:
  void report(const std::vector<NamedStatus>& all) {
    std::string heads;
    for (const NamedStatus& one : all) {
      heads += static_cast<char>('0' + static_cast<int>(one.status.stage));
      heads += static_cast<char>('0' + static_cast<int>(one.status.unit));
      heads += one.status.caught_up ? '+' : '-';
    }
    if (heads == heads_ && ++quiet_ < kLinesBetweenReports) return;
    heads_ = heads;
    quiet_ = 0;
    for (const NamedStatus& one : all) say(progress_line(one));
  }

  const bool terminal_;
  ProgressStyle style_;
  std::size_t drawn_ = 0;
  std::string heads_;
  int quiet_ = 0;
};

struct Migration {
  conf::TaskConfig task;
  std::vector<std::unique_ptr<SourceRunner>> sources;
  std::vector<std::unique_ptr<TaskRunner>> runners;

  [[nodiscard]] std::vector<NamedStatus> statuses() const {
    std::vector<NamedStatus> all;
    for (std::size_t i = 0; i < runners.size(); ++i) {
      all.push_back({task.name, task.instances[i].source_id, runners[i]->status()});
    }
    return all;
  }
};

Result<void> make_runners(const MigrationFiles& files, const std::string& data_dir,
                          Migration& migration) {
  migration.task = files.task;
  for (std::size_t i = 0; i < files.sources.size(); ++i) {
    SourceRunner::Options options;
    options.data_dir = data_dir;
    options.source = files.sources[i];
    const Result<relay::StartPoint> start = start_of(files.task, files.task.instances[i]);
    if (!start) return start.error().in("source " + options.source.source_id);
    options.start = *start;
    migration.sources.push_back(std::make_unique<SourceRunner>(std::move(options)));
  }
  return {};
}

void say_notes(const MigrationFiles& files) {
  for (const conf::Note& note : files.task.notes) say("note: " + conf::to_text(note));
  for (const conf::SourceConfig& source : files.sources) {
    for (const conf::Note& note : source.notes) say("note: " + conf::to_text(note));
  }
}

// The prechecks, once for these very files: a migration that goes on is not asked again. A signal
// meanwhile ends the process; nothing has begun yet.
class Checks {
 public:
  Checks(const RunArguments& arguments, const MigrationFiles& files, std::string data_dir)
      : files_(files), data_dir_(std::move(data_dir)) {
    std::string text;
    std::vector<std::string> names = arguments.source_files;
    names.push_back(arguments.task_file);
    for (const std::string& name : names) {
      const Result<std::string> content = conf::real_files().read_file(name);
      text += (content ? *content : "") + '\0';
    }
    mark_ = fmt::format("{:016x}", hash_text(text));
  }

  [[nodiscard]] bool passed_before() const {
    std::string known;
    std::ifstream(path()) >> known;
    return known == mark_;
  }

  // Says what was found; false: something fails.
  [[nodiscard]] bool pass(const sigset_t& signals) const {
    CheckReport report;
    std::atomic<bool> done = false;
    std::thread asking([&] {
      report = run_prechecks(files_.task, files_.sources, data_dir_);
      done = true;
    });
    while (!done) {
      const timespec pause{0, std::chrono::nanoseconds(kLook).count()};
      if (::sigtimedwait(&signals, nullptr, &pause) <= 0) continue;
      say("stopped during the prechecks; nothing has begun");
      std::_Exit(0);
    }
    asking.join();
    const std::string text = report_text(report, CheckState::kWarn);
    if (!text.empty()) fmt::print(stderr, "{}", text);
    if (report.state() == CheckState::kFail) return false;
    std::ofstream(path(), std::ios::trunc) << mark_ << '\n';
    return true;
  }

 private:
  [[nodiscard]] std::string path() const {
    return fmt::format("{}/checked-{:016x}", data_dir_, hash_text(files_.task.name));
  }

  const MigrationFiles& files_;
  const std::string data_dir_;
  std::string mark_;
};

// kFinished everywhere: 0; a paused one: 1, unless it can still go on by itself; else nothing yet.
std::optional<int> outcome(const std::vector<NamedStatus>& all, bool until_synced) {
  bool all_done = true;
  for (const NamedStatus& one : all) {
    if (one.status.stage == Stage::kPaused && one.status.error) return 1;
    const bool done =
        one.status.stage == Stage::kFinished || (until_synced && one.status.reached_start_end);
    all_done = all_done && done;
  }
  if (all_done) return 0;
  return std::nullopt;
}

int follow(Migration& migration, const RunArguments& arguments, const sigset_t& signals) {
  Screen screen;
  for (int look = 0;; ++look) {
    const timespec pause{0, std::chrono::nanoseconds(kLook).count()};
    const int signal = ::sigtimedwait(&signals, nullptr, &pause);
    const std::vector<NamedStatus> all = migration.statuses();
    const std::optional<int> code = outcome(all, arguments.until_synced);
    if (look % kLooksBetweenRedraws == 0 || code || signal > 0) screen.draw(all);
    if (signal > 0) {
      say("stopping; the same command goes on from here");
      return 0;
    }
    if (!code) continue;
    for (const NamedStatus& one : all) {
      if (one.status.error) say(*one.status.error);
    }
    return *code;
  }
}

// A second signal while stopping ends the process at once.
void end_on_next(const sigset_t& signals) {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace

int run_migration(const RunArguments& arguments) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("tiderelay"));
  // On a terminal the progress is redrawn in place: only what matters comes between.
  if (::isatty(STDERR_FILENO) != 0) spdlog::set_level(spdlog::level::warn);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread: they inherit it

  Result<DataFolder> folder = DataFolder::open(arguments.data_dir);
  if (!folder) {
    say(folder.error());
    return 2;
  }
  const Result<MigrationFiles> files =
      read_migration(arguments.task_file, arguments.source_files, arguments.secret_key_path);
  if (!files) {
    say(files.error());
    return 2;
  }
  say_notes(*files);
  const Checks checks(arguments, *files, folder->path());
  const bool asks = !arguments.no_checks && (arguments.remove_meta || !checks.passed_before());
  if (asks && !checks.pass(signals)) return 1;
  Migration migration;
  const Result<void> made = make_runners(*files, folder->path(), migration);
  if (!made) {
    say(made.error());
    return 2;
  }
  for (std::size_t i = 0; i < migration.sources.size(); ++i) {
    const Result<void> started = migration.sources[i]->start();
    if (!started) {
      say(started.error());
      return 1;
    }
    TaskRunner::Options options;
    options.task = migration.task;
    options.source_id = migration.task.instances[i].source_id;
    options.remove_meta = arguments.remove_meta;
    migration.runners.push_back(
        std::make_unique<TaskRunner>(std::move(options), *migration.sources[i]));
    migration.runners.back()->start();
  }
  const int code = follow(migration, arguments, signals);
  end_on_next(signals);
  for (const auto& runner : migration.runners) runner->stop();
  for (const auto& source : migration.sources) source->stop();
  return code;
}

}  // namespace tiderelay::control
