// control/commands_binlog.cc: `binlog FILE...`: binlogs as text, as JSON, or as counts.
#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "control/commands.h"
#include "protocol/event_json.h"
#include "protocol/event_text.h"
#include "relay/binlog_file.h"
#include "relay/binlog_range.h"
#include "relay/binlog_stats.h"

namespace tiderelay::control {
namespace {

constexpr std::size_t kFlushBytes = 1U << 18;
constexpr std::size_t kPositionDigitsMax = 18;

struct BinlogArguments {
  std::vector<std::string> paths;
  std::string format = "text";
  bool stats = false;
  int verbose = 0;
  std::vector<std::string> tables;
  std::optional<std::uint64_t> start_position, stop_position;
  std::string start_datetime, stop_datetime, start_gtid, stop_gtid;
};

// "2024-01-31 12:00:00" or "2024-01-31", local time as mysqlbinlog takes it.
Result<std::uint32_t> parse_moment(const std::string& text) {
  std::tm fields{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &fields);
  if (end != nullptr && *end != '\0') end = ::strptime(end, " %H:%M:%S", &fields);
  fields.tm_isdst = -1;
  const std::time_t moment = end != nullptr && *end == '\0' ? ::mktime(&fields) : -1;
  if (moment < 0) {
    return Error(Errc::kConfig, "\"" + text + "\" is no time; write 2024-01-31 12:00:00");
  }
  return static_cast<std::uint32_t>(moment);
}

Result<relay::BinlogRangeOptions> range_of(const BinlogArguments& arguments) {
  relay::BinlogRangeOptions range;
  range.start_position = arguments.start_position;
  range.stop_position = arguments.stop_position;
  if (!arguments.start_datetime.empty()) {
    const auto moment = parse_moment(arguments.start_datetime);
    if (!moment) return moment.error().in("--start-datetime");
    range.start_seconds = *moment;
  }
  if (!arguments.stop_datetime.empty()) {
    const auto moment = parse_moment(arguments.stop_datetime);
    if (!moment) return moment.error().in("--stop-datetime");
    range.stop_seconds = *moment;
  }
  if (!arguments.start_gtid.empty()) {
    const auto gtid = relay::normal_gtid(arguments.start_gtid);
    if (!gtid) return gtid.error().in("--start-gtid");
    range.start_gtid = *gtid;
  }
  if (!arguments.stop_gtid.empty()) {
    const auto gtid = relay::normal_gtid(arguments.stop_gtid);
    if (!gtid) return gtid.error().in("--stop-gtid");
    range.stop_gtid = *gtid;
  }
  return range;
}

class Dump {
 public:
  Dump(const BinlogArguments& arguments, relay::BinlogRangeOptions range, std::ostream& out)
      : arguments_(arguments), range_(std::move(range)), stats_(arguments.tables), out_(out) {
    protocol::PrintOptions options;
    options.types = arguments.verbose > 1;
    options.tables = arguments.tables;
    if (arguments.format == "json") {
      printer_ = std::make_unique<protocol::EventJson>(std::move(options));
    } else {
      printer_ = std::make_unique<protocol::EventText>(std::move(options));
    }
  }

  Result<void> run(const std::vector<std::string>& files) {
    Result<void> done;
    for (std::size_t i = 0; i < files.size() && done && !behind_; ++i) {
      range_.begin_file(i + 1 == files.size());
      done = read(files[i], i == 0);
      if (!done) done = done.error().in(files[i]);
    }
    if (arguments_.stats) text_ += arguments_.format == "json" ? stats_.json() : stats_.text();
    flush();
    if (!done) return done;
    if (!out_) return Error(Errc::kStorage, "the output cannot be written");
    if (!range_.started()) {
      return Error(Errc::kConfig, "--start-gtid: no transaction of these files has this GTID");
    }
    return {};
  }

 private:
  Result<void> read(const std::string& path, bool first) {
    auto file = relay::BinlogFile::open(relay::posix_storage(), path);
    if (!file) return file.error();
    if (!arguments_.stats) {
      printer_->begin_file(std::string_view(path).substr(path.rfind('/') + 1), text_);
    }
    for (bool opened = false;;) {
      const auto event = file->next();
      if (!event) return event.error();
      if (!*event) return {};
      if (!opened) stats_.begin_file(file->format());
      const Result<void> taken = take(**event, file->format());
      if (!taken) return taken.error().in("at " + std::to_string((*event)->begin_offset));
      if (behind_ || !out_) return {};
      if (!opened && first && arguments_.start_position) {
        file->go_to(std::max(*arguments_.start_position, (*event)->end_offset));
      }
      opened = true;
      if (text_.size() >= kFlushBytes) flush();
    }
  }

  Result<void> take(const relay::BinlogEvent& event, const protocol::FormatDescription& format) {
    const auto verdict = range_.judge(event.event, event.begin_offset);
    if (!verdict) return verdict.error();
    behind_ = *verdict == relay::BinlogRange::Verdict::kBehind;
    if (behind_) return {};
    const bool inside = *verdict == relay::BinlogRange::Verdict::kInside;
    if (arguments_.stats) return stats_.add(event.event, format, inside);
    protocol::PrintedEvent printed;
    printed.event = event.event;
    printed.begin = event.begin_offset;
    printed.end = event.end_offset;
    printed.crc = event.crc;
    return inside ? printer_->print(printed, format, text_) : printer_->note(printed, format);
  }

  void flush() {
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    out_.flush();
    text_.clear();
  }

  const BinlogArguments& arguments_;
  relay::BinlogRange range_;
  relay::BinlogStats stats_;
  std::ostream& out_;
  std::unique_ptr<protocol::EventPrinter> printer_;
  std::string text_;
  bool behind_ = false;
};

int run_binlog(const BinlogArguments& arguments, Streams streams) {
  for (const std::string& table : arguments.tables) {
    if (is_table_name(table)) continue;
    return failed(streams.err,
                  Error(Errc::kConfig, "--table: wants schema.table, got \"" + table + "\""));
  }
  auto range = range_of(arguments);
  if (!range) return failed(streams.err, range.error());
  std::vector<std::string> files;
  for (const std::string& path : arguments.paths) {
    if (path.starts_with("mysql://")) {
      return failed(streams.err, Error(Errc::kConfig, "binlog reads files and folders, no servers")
                                     .with_way_out("the relay log of a source is files: "
                                                   "<data-dir>/sources/<source-id>/relay"));
    }
    const auto found = relay::binlog_files(relay::posix_storage(), path);
    if (!found) return failed(streams.err, found.error());
    files.insert(files.end(), found->begin(), found->end());
  }
  Dump dump(arguments, std::move(*range), streams.out);
  const Result<void> done = dump.run(files);
  return done ? kExitDone : failed(streams.err, done.error());
}

}  // namespace

void add_binlog_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command = program.add_subcommand("binlog", "binlogs as text, as JSON, or as counts");
  const auto arguments = std::make_shared<BinlogArguments>();
  command->add_option("path", arguments->paths, "binlog files, or folders with some")->required();
  command->add_option("--format", arguments->format, "text as mysqlbinlog -v, or json")
      ->check(CLI::IsMember({"text", "json"}));
  command->add_flag("--stats", arguments->stats, "counts instead of events");
  command->add_flag("-v", arguments->verbose, "-vv: the types of values too");
  command->add_option("--table", arguments->tables, "schema.table or schema.*; may be repeated");
  take_count(
      *command->add_option("--start-position", arguments->start_position, "in the first file"),
      kPositionDigitsMax);
  take_count(*command->add_option("--stop-position", arguments->stop_position, "in the last file"),
             kPositionDigitsMax);
  command->add_option("--start-datetime", arguments->start_datetime, "local time");
  command->add_option("--stop-datetime", arguments->stop_datetime, "local time");
  command->add_option("--start-gtid", arguments->start_gtid, "the first transaction shown");
  command->add_option("--stop-gtid", arguments->stop_gtid, "the last transaction shown");
  command->footer(
      "Example:\n"
      "  tiderelay binlog --table shop.orders --start-datetime '2024-01-31 12:00:00' "
      "mysql-bin.000007\n"
      "  tiderelay binlog --stats /var/lib/tiderelay/sources/mysql-replica-01/relay");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] {
      return run_binlog(*arguments, invocation.streams);
    };
  });
}

}  // namespace tiderelay::control
