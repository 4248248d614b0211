// relay/log_tracker.h: the fold over one log file's events: checksums, lengths, where transactions
// end, which GTIDs have passed. The same code judges what arrives and what a restart finds on disk.
//
// In:     the file's events from byte 4 on, in order, each in one or more pieces.
// Out:    end_bytes() of all whole events, boundary() behind the last whole transaction, index
//         marks on the way.
// Memory: what the boundary grammar wants to see of an event (66 KiB at most) and the GTIDs; an
//         event of 1 GiB passes in pieces.
// Errors: kCorrupt for a wrong checksum, length or position, kUnsupported for an event that must be
//         understood and is not. After an error only resume(), begin_file() or drop_open() help.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"
#include "protocol/transaction_boundary.h"
#include "relay/gtid_state.h"
#include "relay/log_index.h"

namespace tiderelay::relay {

// The smallest first piece of an event that is longer than that.
inline constexpr std::size_t kFirstPieceBytes = protocol::kEventHeaderBytes;

class LogTracker {
 public:
  explicit LogTracker(std::uint64_t mark_interval_bytes = 1U << 20)
      : mark_interval_bytes_(mark_interval_bytes) {}

  // A new file; its first event comes next, at offset 4.
  void begin_file();
  // The GTIDs before the file, for servers that do not list them in it. Behind begin_file() those
  // of the file before are kept.
  void set_gtids(GtidState gtids) { gtids_ = std::move(gtids); }
  // Goes on behind `mark` of a file whose format, head and GTIDs (all before the mark) are known.
  void resume(const protocol::FormatDescription& format, const IndexHead& head,
              const IndexMark& mark, GtidState gtids);

  // The next bytes of the file. `first`: an event begins with them, at least kFirstPieceBytes of
  // it; `last`: it ends with them.
  [[nodiscard]] Result<void> add(ByteView piece, bool first, bool last);
  // Forgets the transaction that has not ended and the event that has not: the next event added
  // lies at boundary().
  void drop_open();
  // The file ends behind the last whole event, at the upstream, too: the transaction that is open
  // has no end and never happened.
  void abandon_open();

  // Behind the last whole event; where the next one begins.
  [[nodiscard]] std::uint64_t end_bytes() const { return end_bytes_; }
  // Behind the last whole transaction and all events that belong to none.
  [[nodiscard]] std::uint64_t boundary() const { return boundary_bytes_; }
  // The first event of the last whole transaction in this file; 0: there is none yet.
  [[nodiscard]] std::uint64_t last_begin() const { return last_begin_bytes_; }
  // Whole ones that were added, in this file and those before it.
  [[nodiscard]] std::uint64_t transactions() const { return transactions_; }
  // GTIDs before boundary().
  [[nodiscard]] const GtidState& gtids() const { return gtids_; }
  [[nodiscard]] const std::optional<protocol::FormatDescription>& format() const { return format_; }
  // What the index says of the file, known once the GTIDs before it have passed.
  [[nodiscard]] const std::optional<IndexHead>& head() const { return head_; }
  [[nodiscard]] std::uint32_t timestamp_seconds() const { return timestamp_seconds_; }

  // The last whole event is a ROTATE or STOP: the upstream writes nothing more into this file.
  [[nodiscard]] bool file_is_complete() const { return file_is_complete_; }

  // Marks passed since the last call; all lie at or before boundary().
  [[nodiscard]] std::vector<IndexMark> take_marks();
  // A mark at boundary(), to be written last.
  [[nodiscard]] IndexMark final_mark();

 private:
  [[nodiscard]] Result<void> start_event(ByteView piece);
  [[nodiscard]] Result<void> end_event();
  [[nodiscard]] Result<void> check_checksum() const;
  [[nodiscard]] Result<void> look_inside(ByteView body);
  [[nodiscard]] std::size_t wanted_body_bytes() const;
  void end_transaction();
  void make_mark(bool sealed);
  [[nodiscard]] std::string event_name() const;

  const std::uint64_t mark_interval_bytes_;
  std::optional<protocol::FormatDescription> format_;
  std::optional<IndexHead> head_;
  protocol::TransactionBoundary grammar_;

  // Invariant: last_begin_bytes_ < boundary_bytes_ <= end_bytes_; mark_bytes_ <= boundary_bytes_.
  std::uint64_t end_bytes_ = 4;
  std::uint64_t boundary_bytes_ = 4;
  std::uint64_t last_begin_bytes_ = 0;
  std::uint64_t open_begin_bytes_ = 0;
  std::uint64_t mark_bytes_ = 4;
  std::uint64_t transactions_ = 0;
  std::uint32_t timestamp_seconds_ = 0;

  GtidState gtids_;
  GtidState gtids_since_mark_;
  std::optional<protocol::Gtid> open_gtid_;
  std::optional<protocol::MariaGtid> open_maria_gtid_;
  std::vector<IndexMark> marks_;
  bool file_is_complete_ = false;

  // The event in progress.
  protocol::EventHeader header_;
  protocol::EventChecksum checksum_;
  std::uint64_t event_bytes_ = 0;  // seen so far; 0: between two events
  std::string head_bytes_;         // its first bytes, when it came in pieces
  ByteView whole_;                 // all of it, when it came in one
};

}  // namespace tiderelay::relay
