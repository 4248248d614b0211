// control/command_run.cc: sources and tasks on threads of their own; this one draws, and waits for
// signals.
#include "control/command_run.h"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "conf/daemon_config.h"
#include "conf/file_access.h"
#include "conf/source_config.h"
#include "conf/task_config.h"
#include "control/data_folder.h"
#include "control/progress.h"
#include "control/source_runner.h"
#include "control/task_plan.h"
#include "control/task_runner.h"

namespace tiderelay::control {

namespace {

constexpr std::chrono::milliseconds kRedraw{250};
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

Result<void> load(const RunArguments& arguments, const std::string& data_dir,
                  Migration& migration) {
  const conf::FileAccess access = conf::real_files();
  auto task = conf::load_task(arguments.task_file, access);
  if (!task) return task.error();
  migration.task = std::move(*task);
  for (const conf::Note& note : migration.task.notes) say("note: " + conf::to_text(note));
  std::vector<conf::SourceConfig> sources;
  for (const std::string& file : arguments.source_files) {
    auto source = conf::load_source(file, access);
    if (!source) return source.error();
    for (const conf::Note& note : source->notes) say("note: " + conf::to_text(note));
    sources.push_back(std::move(*source));
  }
  const std::vector<conf::Problem> problems = conf::check_together(sources, {migration.task});
  if (!problems.empty()) return Error(Errc::kConfig, conf::to_text(problems.front()));
  for (const conf::InstanceConfig& instance : migration.task.instances) {
    for (const conf::SourceConfig& source : sources) {
      if (source.source_id != instance.source_id) continue;
      SourceRunner::Options options;
      options.data_dir = data_dir;
      options.source = source;
      const Result<relay::StartPoint> start = start_of(migration.task, instance);
      if (!start) return start.error().in("source " + source.source_id);
      options.start = *start;
      migration.sources.push_back(std::make_unique<SourceRunner>(std::move(options)));
    }
  }
  return {};
}

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
  for (;;) {
    const timespec pause{0, std::chrono::nanoseconds(kRedraw).count()};
    const int signal = ::sigtimedwait(&signals, nullptr, &pause);
    const std::vector<NamedStatus> all = migration.statuses();
    screen.draw(all);
    if (signal > 0) {
      say("stopping; the same command goes on from here");
      return 0;
    }
    const std::optional<int> code = outcome(all, arguments.until_synced);
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
  Migration migration;
  const Result<void> loaded = load(arguments, folder->path(), migration);
  if (!loaded) {
    say(loaded.error());
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
