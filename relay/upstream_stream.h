// relay/upstream_stream.h: turns the packets of a dump into what is to be stored and what only
// speaks about the stream.
//
// In:     pieces of packets, as Connection::read_pieces() gives them, status byte included.
// Out:    one Step for each: bytes of the file, the name of the next file, a heartbeat, nothing.
// Stored is what lies in the upstream's file; artificial events, heartbeats and the
// FORMAT_DESCRIPTION that opens a stream in the middle of a file do not.
// Semi-sync: every packet has two bytes more, 0xef and whether the event is to be acknowledged.
// Errors: kServer for an ERR packet, kConnection for the end of the stream, kCorrupt for packets
// that are no events. Source: MySQL sql/rpl_binlog_sender.cc; MariaDB sql/sql_repl.cc,
// send_format_descriptor_event.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/packet_reader.h"

namespace tiderelay::relay {

class UpstreamStream {
 public:
  enum class Kind : std::uint8_t { kNothing, kBytes, kFile, kHeartbeat };
  struct Step {
    Kind kind = Kind::kNothing;
    ByteView bytes;  // kBytes: of the event in progress
    bool first = false;
    bool last = false;
    std::string file;            // kFile: the file that the next stored event is in
    std::uint64_t position = 0;  // kFile, kHeartbeat
  };

  // Asked for: `file` from `begin_bytes` on. announced: the checksums that the server said it uses.
  UpstreamStream(std::string file, std::uint64_t begin_bytes, protocol::ChecksumAlgorithm announced,
                 bool semi_sync = false)
      : file_(std::move(file)),
        semi_sync_(semi_sync),
        inside_file_(begin_bytes > 4),
        position_(begin_bytes),
        checksum_(announced) {}

  [[nodiscard]] Result<Step> feed(const protocol::PacketPiece& piece);

  [[nodiscard]] const std::string& file() const { return file_; }
  // Of the event that was fed last: it is to be acknowledged, and it ends here.
  [[nodiscard]] bool wants_acknowledgement() const { return wanted_; }
  [[nodiscard]] std::uint64_t position() const { return position_; }
  // Seconds since 1970 of the last stored event; 0: none yet.
  [[nodiscard]] std::uint32_t timestamp_seconds() const { return timestamp_seconds_; }

 private:
  [[nodiscard]] Result<Step> begin_event(ByteView event, bool last);
  [[nodiscard]] Result<Step> take_rotate(ByteView event);
  [[nodiscard]] Result<Step> take_heartbeat(ByteView event);
  [[nodiscard]] Result<bool> is_stored(const protocol::EventHeader& header, ByteView event);
  [[nodiscard]] Result<protocol::EventView> open_as_sent(ByteView event) const;

  std::string file_;
  const bool semi_sync_;
  bool wanted_ = false;
  bool inside_file_;        // the stream began, or will begin, in the middle of the file
  std::uint64_t position_;  // behind the stored bytes, in the file
  protocol::ChecksumAlgorithm checksum_;
  bool storing_ = false;
  std::uint32_t timestamp_seconds_ = 0;
};

}  // namespace tiderelay::relay
