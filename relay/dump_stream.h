// relay/dump_stream.h: turns log files into the packets of a dump: as they lie on disk, without
// decoding, with the artificial events around them.
//
// In:     blocks of the current file, from offset_bytes() on, when next() says kNeedBytes.
// Out:    bytes for the socket; kNextFile at the end of a file that has ended, kWait at the log's
//         end. An event of 1 GiB passes in pieces.
// Memory: one block of the caller's and about kOutBytes of framed bytes.
// Errors: kServer with what the follower is told; end_with() frames it.
// Source: MySQL 8.0.40, sql/rpl_binlog_sender.cc; MariaDB 10.11, sql/sql_repl.cc
// (send_event_to_slave).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"
#include "relay/dump_plan.h"

namespace tiderelay::relay {

class DumpStream {
 public:
  enum class Kind : std::uint8_t { kSend, kNeedBytes, kNextFile, kWait };
  struct Step {
    Kind kind = Kind::kWait;
    std::string_view bytes;  // of kSend; valid until the next call
  };
  static constexpr std::size_t kOutBytes = 64 * 1024;

  // server_id: what the source calls itself, for artificial events.
  DumpStream(FollowRequest request, DumpStart start, protocol::Dialect dialect,
             std::uint32_t server_id);

  // limit_bytes: how far the current file may be read; ended: it is as long as it will ever be.
  [[nodiscard]] Result<Step> next(std::uint64_t limit_bytes, bool ended);
  // Bytes of the current file from offset_bytes() on, at least wanted_bytes() unless the limit
  // comes first. The block must live until next() says kNeedBytes, kNextFile or kWait.
  void feed(ByteView block);
  void begin_file(const std::string& name);  // REQUIRES: next() said kNextFile

  [[nodiscard]] std::uint64_t offset_bytes() const { return offset_; }
  [[nodiscard]] std::size_t wanted_bytes() const { return wanted_; }
  [[nodiscard]] const std::string& file_name() const { return file_; }
  [[nodiscard]] std::uint32_t timestamp_seconds() const { return timestamp_; }  // of the last event
  [[nodiscard]] std::uint64_t events() const { return events_; }

  // Semi-sync: the last event before the limit is to be acknowledged: the limit is always the end
  // of a transaction. Nothing that was sent lies behind the place that was asked for last.
  [[nodiscard]] bool all_asked() const { return !unasked_; }
  [[nodiscard]] std::uint64_t asked_offset_bytes() const { return asked_offset_; }  // 0: none yet

  void release_memory() { std::string().swap(out_); }  // REQUIRES: next() said kWait

  // One packet, framed. Empty: the position does not fit into what this follower understands.
  [[nodiscard]] std::string heartbeat();
  [[nodiscard]] std::string end_with(const Error& error);
  [[nodiscard]] std::string end_of_log();  // EOF: for a dump that does not wait

 private:
  [[nodiscard]] Result<Step> advance(std::uint64_t limit_bytes, bool ended);
  [[nodiscard]] Step at_limit(bool ended);
  [[nodiscard]] Result<bool> take_head(std::uint64_t limit_bytes);
  [[nodiscard]] Result<bool> take_event(std::uint64_t limit_bytes);
  [[nodiscard]] Result<bool> hold(const protocol::EventHeader& header, ByteView event);
  [[nodiscard]] Result<bool> opens_group(const protocol::EventHeader& header, ByteView event);
  [[nodiscard]] Result<bool> opens_maria_group(ByteView event);
  [[nodiscard]] bool is_left_out(const protocol::EventHeader& header) const;
  void release_head(bool first_skipped);
  void end_skipping();
  [[nodiscard]] bool have(std::size_t count, std::uint64_t limit_bytes);
  [[nodiscard]] ByteView at_offset() const;
  void put_event(std::string_view event);
  void open_event(std::uint64_t event_bytes, bool asks);
  void open_packet(std::uint64_t payload_bytes);
  void open_frame();
  void put(ByteView bytes);
  [[nodiscard]] Error damaged(const std::string& what) const;
  [[nodiscard]] std::string framed_heartbeat();

  const FollowRequest request_;
  const DumpStart start_;
  const protocol::Dialect dialect_;
  const std::uint32_t server_id_;

  std::string file_;
  std::uint64_t offset_ = kFirstEventOffset;
  std::size_t wanted_ = 0;
  ByteView block_;
  std::uint64_t block_begin_ = 0;

  bool first_file_ = true;
  bool in_head_ = true;  // the FORMAT_DESCRIPTION event comes next
  std::optional<protocol::FormatDescription> format_;
  protocol::ChecksumAlgorithm checksum_;  // of artificial events
  std::uint64_t body_left_ = 0;           // of the event that is being sent
  std::uint32_t timestamp_ = 0;
  std::uint64_t events_ = 0;

  // GTID starts.
  std::vector<std::string> held_;  // the file's head, until its first group is known
  bool holding_ = false;
  bool skipping_ = false;     // inside a group that the follower has
  bool skipped_any_ = false;  // and it has not been told
  std::map<std::uint32_t, protocol::MariaGtid> maria_waits_;  // domains whose place is not reached

  bool unasked_ = false;  // an event was sent that nobody has asked to acknowledge
  bool asking_ = false;   // the event in progress asks
  std::uint64_t asked_offset_ = 0;

  std::string out_;
  bool out_given_ = false;
  std::uint8_t sequence_ = 1;
  std::uint64_t packet_left_ = 0;
  std::size_t frame_left_ = 0;
  bool frame_full_ = false;
};

}  // namespace tiderelay::relay
