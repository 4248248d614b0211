// relay/dump_plan.cc: see dump_plan.h.
#include "relay/dump_plan.h"

#include <algorithm>
#include <array>

#include "protocol/capabilities.h"
#include "relay/log_files.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kWalkBlockBytes = 256 * 1024;
constexpr std::uint32_t kKnowsGtids = 4;  // @mariadb_slave_capability of MariaDB 10.0 and later

constexpr const char* kFileMissing = "Could not find first log file name in binary log index file";

std::string variable(const ServerVariables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

// Generations that lead to the last one without a break in the history.
std::uint32_t first_continued(const LogCatalog& catalog) {
  std::uint32_t first = 0;
  const std::vector<Generation> generations = catalog.generations();
  for (auto one = generations.rbegin(); one != generations.rend(); ++one) {
    first = one->number;
    if (one->note.why == GenerationNote::Why::kDiverged) break;
  }
  return first;
}

std::vector<LogFile> continued_files(const LogCatalog& catalog) {
  const std::uint32_t first = first_continued(catalog);
  std::vector<LogFile> files = catalog.files();
  std::erase_if(files, [first](const LogFile& file) { return file.begin.generation < first; });
  return files;
}

class Planner {
 public:
  Planner(Storage& storage, RelayLog& log, const FollowRequest& request,
          const UpstreamGtids& upstream)
      : storage_(storage),
        log_(log),
        request_(request),
        upstream_(upstream),
        files_(continued_files(log.catalog())),
        end_(log.end().get().position) {}

  Result<DumpStart> run() {
    if (end_.generation == 0 || files_.empty()) {
      return passing_dump_error("the relay log has received nothing yet");
    }
    const auto variables = log_.upstream().get();
    if (!variables) return passing_dump_error("the source was never reached");
    const bool maria = dialect_of(*variables) == protocol::Dialect::kMariadb;
    if (maria && request_.mariadb_capability < kKnowsGtids) {
      return fatal_dump_error(
          "The source is MariaDB and the replica did not set @mariadb_slave_capability to 4: it "
          "would not understand the events (the relay server does not rewrite them)");
    }
    if (request_.mariadb_until) {
      return fatal_dump_error("The relay server does not serve START SLAVE UNTIL master_gtid_pos");
    }
    if (maria && request_.mariadb_state) return by_mariadb_state();
    if (request_.excluded) return by_gtid_set(*variables);
    return by_position();
  }

 private:
  // The newest file of this name: names occur once in a generation, and the last one counts.
  [[nodiscard]] const LogFile* find(const std::string& name) const {
    const auto found = std::find_if(files_.rbegin(), files_.rend(),
                                    [&name](const LogFile& file) { return file.name == name; });
    return found == files_.rend() ? nullptr : &*found;
  }
  [[nodiscard]] const LogFile& first_listed() const {
    const std::uint32_t last = files_.back().begin.generation;
    return *std::find_if(files_.begin(), files_.end(),
                         [last](const LogFile& file) { return file.begin.generation == last; });
  }
  [[nodiscard]] std::uint64_t size_of(const LogFile& file) const {
    const bool last = file.begin.generation == end_.generation && file.begin.file == end_.file;
    return last ? end_.offset_bytes : file.size_bytes;
  }

  Result<DumpStart> by_position() {
    DumpStart start;
    const LogFile* file = request_.file.empty() ? &first_listed() : find(request_.file);
    if (file == nullptr) return fatal_dump_error(kFileMissing);
    if (request_.position < kFirstEventOffset) {
      return fatal_dump_error("Client requested source to start replication from position < 4");
    }
    start.file = *file;
    start.offset_bytes = request_.position;
    if (request_.position == kFirstEventOffset) return start;
    if (request_.position > size_of(*file)) return beyond(*file);
    if (const auto fits = check_boundary(*file); !fits) return fits.error();
    return start;
  }

  // A place that the source has and the relay log not yet is worth another try.
  [[nodiscard]] Error beyond(const LogFile& file) const {
    const bool growing = file.begin == files_.back().begin;
    if (growing && upstream_position_ahead()) {
      return passing_dump_error("the relay log is behind: it ends at " +
                                std::to_string(size_of(file)) + " of " + file.name);
    }
    return fatal_dump_error(
        "Client requested source to start replication from position > file size");
  }
  [[nodiscard]] bool upstream_position_ahead() const {
    const auto gtids = log_.end().gtids();
    return !upstream_ || (gtids && !gtids->contains(*upstream_));
  }

  // Walks over headers from the last place that the index vouches for.
  Result<void> check_boundary(const LogFile& file) {
    const FilePaths paths = log_.catalog().paths(file);
    const auto index = read_index(storage_, paths.index_path());
    if (!index) return index.error();
    std::uint64_t at = kFirstEventOffset;
    for (const IndexMark& mark : index->marks) {
      if (mark.end_bytes <= request_.position) at = std::max(at, mark.end_bytes);
    }
    const auto stored = open_log_file(storage_, paths.log_path());
    if (!stored) return fatal_dump_error(kFileMissing);
    std::vector<std::byte> block(kWalkBlockBytes);
    std::uint64_t block_begin = 0;
    std::size_t block_size = 0;
    while (at < request_.position) {
      if (at < block_begin || at + protocol::kEventHeaderBytes > block_begin + block_size) {
        const auto count = (*stored)->read_at(at, block);
        if (!count) return count.error();
        block_begin = at;
        block_size = *count;
        if (block_size < protocol::kEventHeaderBytes) break;
      }
      const auto header = protocol::load_event_header(
          ByteView(block).subspan(static_cast<std::size_t>(at - block_begin)));
      if (header.event_size_bytes < protocol::kEventHeaderBytes) break;
      if (at + header.event_size_bytes > request_.position) {
        return fatal_dump_error("Client requested source to start replication from position " +
                                std::to_string(request_.position) + " in '" + file.name +
                                "', which is inside the event from " + std::to_string(at) + " to " +
                                std::to_string(at + header.event_size_bytes) +
                                ": take a position from SHOW BINLOG EVENTS");
      }
      at += header.event_size_bytes;
    }
    if (at == request_.position) return {};
    return fatal_dump_error("binlog truncated in the middle of event; '" + file.name + "' at " +
                            std::to_string(at));
  }

  Result<DumpStart> by_gtid_set(const ServerVariables& variables) {
    const std::string mode = variable(variables, "gtid_mode");
    const protocol::GtidSet& theirs = *request_.excluded;
    DumpStart start;
    if (!request_.file.empty()) {
      const LogFile* file = find(request_.file);
      if (file == nullptr) return fatal_dump_error(kFileMissing);
      if (request_.position < kFirstEventOffset) {
        return fatal_dump_error("Client requested source to start replication from position < 4");
      }
      start.file = *file;
      start.offset_bytes = request_.position;
      if (request_.position == kFirstEventOffset) return start;
      if (request_.position > size_of(*file)) return beyond(*file);
      if (const auto fits = check_boundary(*file); !fits) return fits.error();
      return start;
    }
    if (mode != "ON") {
      return fatal_dump_error(
          "The replication sender thread cannot start in AUTO_POSITION mode: this server has "
          "GTID_MODE = " +
          (mode.empty() ? "OFF" : mode) + " instead of ON.");
    }
    if (const auto known = check_not_ahead(theirs); !known) return known.error();
    const protocol::GtidSet purged = purged_gtids(log_.catalog()).mysql();
    if (!theirs.contains(purged)) {
      protocol::GtidSet missing = purged;
      missing.subtract(theirs);
      return fatal_dump_error(
          "Cannot replicate because the source purged required binary logs. Replicate the missing "
          "transactions from elsewhere, or provision a new replica from backup. Consider "
          "increasing the source's binary log expiration period. The GTID set sent by the replica "
          "is '" +
          theirs.text() + "', and the missing transactions are '" + missing.text() + "'");
    }
    GtidState have;
    have.add(theirs);
    const auto found = std::find_if(files_.rbegin(), files_.rend(), [&have](const LogFile& file) {
      return file.gtids_before && have.contains(*file.gtids_before);
    });
    if (found == files_.rend()) return passing_dump_error("the relay log's index is not ready");
    start.file = *found;
    start.skip_to_bytes = skip_to(*found, have);
    return start;
  }

  Result<void> check_not_ahead(const protocol::GtidSet& theirs) {
    const auto uuid = protocol::Uuid::parse(log_.catalog().last_generation()->uuid);
    if (!uuid) return {};
    protocol::GtidSet own;
    for (const auto& [source, intervals] : theirs.sources()) {
      if (source.uuid != *uuid) continue;
      for (const auto& interval : intervals) own.add(source, interval);
    }
    const auto executed = log_.end().gtids();
    const bool here = executed ? executed->mysql().contains(own) : own.empty();
    if (here) return {};
    if (!upstream_ || upstream_->mysql().contains(own)) {
      return passing_dump_error("the relay log is behind: the replica has more than " +
                                (executed ? executed->text() : std::string("nothing")));
    }
    return fatal_dump_error(
        "Replica has more GTIDs than the source has, using the source's SERVER_UUID. This may "
        "indicate that the last binary log file was truncated or lost, e.g., after a power failure "
        "when sync_binlog != 1. The source may have rolled back transactions that were already "
        "replicated to the replica. Replicate any transactions that source has rolled back from "
        "replica to source, and/or commit empty transactions on source to account for "
        "transactions that have been committed on source but are not included in GTID_EXECUTED");
  }

  // The furthest place that the index knows before which everything is in `have`; a file whose
  // index cannot be read is searched from its start.
  std::uint64_t skip_to(const LogFile& file, const GtidState& have) {
    const auto index = read_index(storage_, log_.catalog().paths(file).index_path());
    if (!index || !index->head) return 0;
    std::uint64_t to = 0;
    for (const IndexMark& mark : index->marks) {
      if (mark.end_bytes > size_of(file) || !have.contains(mark.gtids)) break;
      to = mark.end_bytes;
    }
    return to;
  }

  Result<DumpStart> by_mariadb_state() {
    const auto executed = log_.end().gtids();
    for (const protocol::MariaGtid& theirs : request_.mariadb_state->gtids()) {
      const auto known = check_maria_gtid(theirs, executed ? executed->maria() : no_servers_);
      if (!known) return known.error();
    }
    const auto found = std::find_if(files_.rbegin(), files_.rend(), [this](const LogFile& file) {
      return file.gtids_before && reached(*file.gtids_before);
    });
    if (found == files_.rend()) {
      return fatal_dump_error(
          "Could not find GTID state requested by slave in any binlog files. Probably the slave "
          "state is too old and required binlog files have been purged.");
    }
    DumpStart start;
    start.file = *found;
    return start;
  }

  // Everything before a file is what the replica has: of each domain no later id than its own.
  [[nodiscard]] bool reached(const GtidState& before) const {
    for (const auto& [who, sequence] : before.maria()) {
      const protocol::MariaGtid* theirs = request_.mariadb_state->find_domain(who.first);
      if (theirs == nullptr) return false;
      if (theirs->server != who.second) continue;
      if (theirs->sequence < sequence) return false;
      if (theirs->sequence == sequence && sequence != highest(before.maria(), who.first)) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] static std::uint64_t highest(const GtidState::Servers& servers,
                                             std::uint32_t domain) {
    std::uint64_t sequence = 0;
    for (const auto& [who, last] : servers) {
      if (who.first == domain) sequence = std::max(sequence, last);
    }
    return sequence;
  }

  Result<void> check_maria_gtid(const protocol::MariaGtid& theirs,
                                const GtidState::Servers& executed) {
    const std::uint64_t last = highest(executed, theirs.domain);
    if (theirs.sequence <= last) return {};
    GtidState wanted;
    wanted.add(theirs);
    if (!upstream_ || upstream_->contains(wanted)) {
      return passing_dump_error("the relay log is behind: it does not have " + theirs.text() +
                                " yet");
    }
    if (last == 0) return {};  // a domain that was never seen here
    return fatal_dump_error("connecting slave requested to start from GTID " + theirs.text() +
                            ", which is not in the master's binlog");
  }

  Storage& storage_;
  RelayLog& log_;
  const FollowRequest& request_;
  const UpstreamGtids& upstream_;
  const std::vector<LogFile> files_;
  const LogPosition end_;
  const GtidState::Servers no_servers_;
};

}  // namespace

bool FollowRequest::non_blocking() const { return (flags & protocol::kBinlogDumpNonBlock) != 0; }

Error fatal_dump_error(const std::string& text) { return Error(1236, "HY000", text); }
Error passing_dump_error(const std::string& text) {
  return Error(1158, "08S01", "relay server: " + text);
}

protocol::Dialect dialect_of(const ServerVariables& variables) {
  return variable(variables, "version").find("MariaDB") == std::string::npos
             ? protocol::Dialect::kMysql
             : protocol::Dialect::kMariadb;
}

GtidState purged_gtids(const LogCatalog& catalog) {
  for (const LogFile& file : continued_files(catalog)) {
    if (file.gtids_before) return *file.gtids_before;
  }
  return {};
}

std::vector<LogFile> listed_files(const LogCatalog& catalog) {
  std::vector<LogFile> files = catalog.files();
  if (files.empty()) return files;
  const std::uint32_t last = files.back().begin.generation;
  std::erase_if(files, [last](const LogFile& file) { return file.begin.generation != last; });
  return files;
}

Result<DumpStart> plan_dump(Storage& storage, RelayLog& log, const FollowRequest& request,
                            const UpstreamGtids& upstream) {
  return Planner(storage, log, request, upstream).run();
}

}  // namespace tiderelay::relay
