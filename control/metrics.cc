// control/metrics.cc: families of prometheus-cpp, filled from a snapshot; no state of its own.
#include "control/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <charconv>
#include <map>
#include <sstream>

#include "control/version.h"

namespace tiderelay::control {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

// "mysql-bin.000042" -> 42, as DM's gauges have it.
double file_number(const std::string& file) {
  const std::size_t dot = file.rfind('.');
  double number = 0;
  if (dot != std::string::npos) {
    std::from_chars(file.data() + dot + 1, file.data() + file.size(), number);
  }
  return number;
}

struct FilePosition {
  std::string file;
  double offset = 0;
};

// Of "<folder>/mysql-bin.000042:4711".
FilePosition position_of(const std::string& text) {
  FilePosition position;
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return position;
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  position.file = text.substr(begin, colon - begin);
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), position.offset);
  return position;
}

class Families {
 public:
  void gauge(const std::string& name, const std::string& help, const Labels& labels, double value) {
    metric(name, help, MetricType::Gauge, labels).gauge.value = value;
  }
  void counter(const std::string& name, const std::string& help, const Labels& labels,
               double value) {
    metric(name, help, MetricType::Counter, labels).counter.value = value;
  }
  void histogram(const std::string& name, const std::string& help, const Labels& labels,
                 const LagHistogram& lags) {
    ClientMetric::Histogram& histogram =
        metric(name, help, MetricType::Histogram, labels).histogram;
    double bound = 0.5;
    for (const std::uint64_t count : lags.counts) {
      histogram.sample_count += count;
      ClientMetric::Bucket bucket;
      bucket.cumulative_count = histogram.sample_count;
      const bool last = histogram.bucket.size() == LagHistogram::kBuckets;
      bucket.upper_bound = last ? std::numeric_limits<double>::infinity() : bound;
      histogram.bucket.push_back(bucket);
      bound *= 2;
    }
    histogram.sample_sum = lags.sum_seconds;
  }

  [[nodiscard]] std::string text() const {
    std::vector<MetricFamily> all;
    for (const auto& [name, family] : families_) all.push_back(family);
    std::ostringstream out;
    out.precision(17);
    prometheus::TextSerializer().Serialize(out, all);
    return out.str();
  }

 private:
  ClientMetric& metric(const std::string& name, const std::string& help, MetricType type,
                       const Labels& labels) {
    MetricFamily& family = families_[name];
    family.name = name;
    family.help = help;
    family.type = type;
    ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    return metric;
  }

  std::map<std::string, MetricFamily> families_;
};

Labels with(Labels labels, const std::string& name, const std::string& value) {
  labels.emplace_back(name, value);
  return labels;
}

double stage_number(Stage stage) {  // DM's: pb.Stage
  switch (stage) {
    case Stage::kNew:
      return 1;
    case Stage::kRunning:
      return 2;
    case Stage::kPaused:
      return 3;
    case Stage::kStopped:
      return 4;
    case Stage::kFinished:
      return 5;
  }
  return 0;
}

// A server id may have several connections; those that follow and those that are away count.
void add_follower(Families& families, const relay::Follower& one, const Labels& source) {
  if (one.connected && !one.dumping) return;
  const Labels labels = with(with(source, "server_id", std::to_string(one.server_id)), "connection",
                             one.connected ? std::to_string(one.connection_id) : "");
  families.gauge("tiderelay_follower_connected", "0: it is away, and what it needs is kept", labels,
                 one.connected ? 1 : 0);
  families.gauge("tiderelay_follower_lag_bytes", "bytes of relay log that it has not been sent",
                 labels, static_cast<double>(one.lag_bytes));
  if (one.lag_transactions) {
    families.gauge("tiderelay_follower_lag_transactions", "transactions that it has not been sent",
                   labels, static_cast<double>(*one.lag_transactions));
  }
  families.gauge("tiderelay_follower_lag_seconds",
                 "how long the oldest of these have been in the relay log", labels,
                 one.lag_seconds);
  families.counter("tiderelay_follower_sent_bytes_total", "bytes sent to it", labels,
                   static_cast<double>(one.sent_bytes));
}

void add_relay(Families& families, const SourceSnapshot& source, const std::string& worker) {
  const SourceRunner::Status& status = source.status;
  const relay::UpstreamStatus& upstream = status.upstream;
  const Labels labels = {{"source_id", source.config.source_id}};
  const auto node = [&](const char* name) { return with(labels, "node", name); };
  constexpr const char* kFile = "number of the binlog file that master or relay are at";
  constexpr const char* kPosition = "position in that file";
  families.gauge("dm_relay_binlog_file", kFile, node("master"), file_number(status.upstream_file));
  families.gauge("dm_relay_binlog_file", kFile, node("relay"), file_number(upstream.file));
  families.gauge("dm_relay_binlog_pos", kPosition, node("master"),
                 static_cast<double>(status.upstream_offset_bytes));
  families.gauge("dm_relay_binlog_pos", kPosition, node("relay"),
                 static_cast<double>(upstream.offset_bytes));
  families.gauge("dm_relay_space", "bytes of the relay log's disk",
                 with(labels, "type", "capacity"), static_cast<double>(source.disk_bytes));
  families.gauge("dm_relay_space", "bytes of the relay log's disk",
                 with(labels, "type", "available"), static_cast<double>(source.disk_free_bytes));
  const bool corrupt = status.error && status.error->code() == Errc::kCorrupt;
  families.counter("dm_relay_data_corruption", "times that the upstream's bytes were corrupt",
                   labels, corrupt ? 1 : 0);
  const bool unwritten = status.error && status.error->code() == Errc::kStorage;
  families.counter("dm_relay_write_error_count", "times that the relay log could not be written",
                   labels, unwritten ? 1 : 0);
  families.counter("dm_relay_read_error_count", "failures to read from the upstream, in a row",
                   labels, static_cast<double>(upstream.failures));
  families.counter("dm_relay_exit_with_error_count", "times that receiving stopped",
                   with(labels, "resumable_err", "true"), static_cast<double>(upstream.failures));
  families.counter("dm_relay_exit_with_error_count", "times that receiving stopped",
                   with(labels, "resumable_err", "false"), status.error ? 1 : 0);
  families.gauge("dm_master_worker_state", "0 offline, 1 free, 2 bound to a source",
                 {{"worker", worker}, {"source_id", source.config.source_id}}, 2);
  families.counter("tiderelay_relay_received_bytes_total", "bytes received from the upstream",
                   labels, static_cast<double>(upstream.received_bytes));
  families.counter("tiderelay_relay_received_events_total", "events received from the upstream",
                   labels, static_cast<double>(upstream.received_events));
  families.counter("tiderelay_relay_connects_total", "connections made to the upstream", labels,
                   static_cast<double>(upstream.connects));
  families.gauge("tiderelay_relay_caught_up", "1: the relay log has all that the upstream has",
                 labels, status.caught_up ? 1 : 0);
  families.gauge("tiderelay_relay_alarm", "1: files are kept for somebody, or were lost", labels,
                 upstream.alarm.empty() ? 0 : 1);
  families.gauge("tiderelay_relay_no_room", "1: receiving has stopped for want of room", labels,
                 upstream.state == relay::UpstreamState::kStorageCap ||
                         upstream.state == relay::UpstreamState::kDiskFull
                     ? 1
                     : 0);
  for (const relay::Follower& one : status.followers) add_follower(families, one, labels);
}

void add_copy(Families& families, const TaskStatus& status, const Labels& labels) {
  double rows = 0;
  double estimated = 0;
  double bytes = 0;
  double done = 0;
  for (const TableProgress& table : status.tables) {
    rows += static_cast<double>(table.rows_done);
    estimated += static_cast<double>(std::max(table.rows_done, table.rows_estimated));
    bytes += static_cast<double>(table.bytes_done);
    done += table.done ? 1 : 0;
  }
  families.counter("dumpling_dump_finished_rows", "rows copied by the full phase", labels, rows);
  families.gauge("dumpling_dump_estimate_total_rows", "rows that the full phase expects", labels,
                 estimated);
  const auto tables = static_cast<double>(status.tables.size());
  families.gauge("lightning_tables", "tables of the full phase",
                 with(with(labels, "state", "completed"), "result", "success"), done);
  families.gauge("lightning_tables", "tables of the full phase",
                 with(with(labels, "state", "pending"), "result", ""), tables - done);
  families.counter("lightning_row_read_bytes_sum", "bytes copied by the full phase", labels, bytes);
  families.gauge("dm_loader_progress", "part of the full phase that is done", labels,
                 estimated > 0 ? rows / estimated : (status.unit == Unit::kSync ? 1 : 0));
}

void add_errors(Families& families, const TaskStatus& status, const Labels& labels) {
  constexpr const char* kHelp = "times that this unit ended with an error";
  const bool copies = status.unit == Unit::kDump || status.unit == Unit::kLoad;
  const auto both = [&](const char* name, bool counts) {
    families.counter(name, kHelp, with(labels, "resumable_err", "true"),
                     counts ? static_cast<double>(status.errors_passing) : 0);
    families.counter(name, kHelp, with(labels, "resumable_err", "false"),
                     counts ? static_cast<double>(status.errors_lasting) : 0);
  };
  both("dm_syncer_exit_with_error_count", !copies);
  for (const char* const name :
       {"dm_dumpling_exit_with_error_count", "dm_mydumper_exit_with_error_count"}) {
    both(name, status.unit == Unit::kDump);
  }
  both("dm_loader_exit_with_error_count", status.unit == Unit::kLoad);
}

void add_share(Families& families, const Snapshot& snapshot, const std::string& task,
               const ShareSnapshot& share) {
  const TaskStatus& status = share.status;
  const Labels labels = {
      {"task", task}, {"source_id", share.source_id}, {"worker", snapshot.address}};
  const auto node = [&](const char* name) { return with(labels, "node", name); };
  families.gauge("dm_worker_task_state", "1 New, 2 Running, 3 Paused, 4 Stopped, 5 Finished",
                 labels, stage_number(status.stage));
  families.gauge("dm_syncer_replication_lag_gauge", "seconds behind the source", labels,
                 status.lag_seconds);
  families.histogram("dm_syncer_replication_lag", "seconds behind the source, twice a second",
                     labels, status.lags);
  families.gauge("dm_syncer_remaining_time",
                 "seconds until the end of the log is applied; 0: not "
                 "known, or there",
                 labels, status.time_left ? static_cast<double>(status.time_left->count()) : 0);
  families.counter("dm_syncer_finished_transaction_total", "transactions applied", labels,
                   static_cast<double>(status.transactions));
  for (const char* const name : {"dm_syncer_added_jobs_total", "dm_syncer_finished_jobs_total"}) {
    families.counter(
        name, "row changes applied",
        with(with(with(with(labels, "type", "row"), "queueNo", ""), "target_schema", ""),
             "target_table", ""),
        static_cast<double>(status.rows));
  }
  const SourceSnapshot* const source = snapshot.find_source(share.source_id);
  const FilePosition applied = position_of(status.applied_position);
  constexpr const char* kFile = "number of the binlog file that master or syncer are at";
  constexpr const char* kPosition = "position in that file";
  if (source != nullptr) {
    families.gauge("dm_syncer_binlog_file", kFile, node("master"),
                   file_number(source->status.upstream_file));
    families.gauge("dm_syncer_binlog_pos", kPosition, node("master"),
                   static_cast<double>(source->status.upstream_offset_bytes));
  }
  families.gauge("dm_syncer_binlog_file", kFile, node("syncer"), file_number(applied.file));
  families.gauge("dm_syncer_binlog_pos", kPosition, node("syncer"), applied.offset);
  add_errors(families, status, labels);
  add_copy(families, status, labels);
  families.counter("tiderelay_rows_total", "row changes applied", labels,
                   static_cast<double>(status.rows));
  families.counter("tiderelay_statements_total", "statements sent to the target", labels,
                   static_cast<double>(status.statements));
  families.counter("tiderelay_rows_missed_total", "UPDATE or DELETE that found no row", labels,
                   static_cast<double>(status.rows_missed));
  families.gauge("tiderelay_rows_per_second", "row changes applied or copied", labels,
                 status.rows_per_second);
  families.gauge("tiderelay_bytes_behind", "bytes of relay log that are not applied yet", labels,
                 static_cast<double>(status.bytes_behind));
  families.gauge("tiderelay_caught_up", "1: all of the relay log is applied", labels,
                 status.caught_up ? 1 : 0);
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot) {
  Families families;
  families.gauge("tiderelay_build_info", "1; its label says which version runs",
                 {{"version", version_line()}}, 1);
  families.gauge("tiderelay_uptime_seconds", "seconds since the daemon began", {},
                 static_cast<double>(snapshot.uptime.count()));
  families.gauge("dm_master_ddl_state_number", "shard statements that wait for others; always 0",
                 {{"task", ""}, {"type", "pending"}}, 0);
  for (const SourceSnapshot& source : snapshot.sources) {
    add_relay(families, source, snapshot.address);
  }
  for (const TaskSnapshot& task : snapshot.tasks) {
    for (const ShareSnapshot& share : task.shares) {
      add_share(families, snapshot, task.config.name, share);
    }
  }
  return families.text();
}

}  // namespace tiderelay::control
