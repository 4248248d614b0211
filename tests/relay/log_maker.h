// tests/relay/log_maker.h: an upstream's binlog files made by hand: right positions, checksums and
// GTIDs, so that the relay log takes them as it takes a server's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/event.h"
#include "protocol/format_description.h"
#include "protocol/gtid.h"

namespace tiderelay::tests {

namespace event_type = protocol::event_type;

inline constexpr std::string_view kMakerUuid = "0a0b0c0d-0000-0000-0000-000000000001";

class LogMaker {
 public:
  struct File {
    std::string name;
    std::string bytes;                 // magic included
    std::vector<std::size_t> ends;     // of events
    std::vector<std::size_t> settled;  // of events behind which no transaction is open
  };

  explicit LogMaker(std::uint8_t salt = 0, bool has_gtids = true)
      : salt_(salt), has_gtids_(has_gtids) {}

  void begin_file() {
    if (!files_.empty()) {
      std::string body;
      ByteWriter(body).u64(4).text(name(files_.size() + 1));
      add(event_type::kRotate, body);
      settle();
    }
    files_.push_back({name(files_.size() + 1), std::string(protocol::kBinlogMagic), {}, {}});
    auto format =
        protocol::default_format(protocol::Dialect::kMysql, protocol::ChecksumAlgorithm::kCrc32);
    std::string event =
        protocol::encode_format_description(header(event_type::kFormatDescription), format);
    append(event);
    settle();
    std::string body;
    executed_.encode(body);
    add(event_type::kPreviousGtids, body);
    settle();
  }

  // GTID, BEGIN, one event of `rows_bytes`, XID.
  void transaction(std::size_t rows_bytes, char fill = 'r') {
    begin_transaction();
    add(event_type::kIgnorable, std::string(rows_bytes, fill), protocol::event_flag::kIgnorable);
    end_transaction();
  }
  void end_transaction() {
    std::string xid;
    ByteWriter(xid).u64(number_);
    add(event_type::kXid, xid);
    executed_.add(gtid());
    settle();
    ends_.emplace_back(std::pair(files_.size(), files_.back().bytes.size()), gtid());
  }
  void begin_transaction() {
    ++number_;
    std::string body;
    const auto uuid = protocol::Uuid::parse(kMakerUuid).value();
    ByteWriter writer(body);
    writer.u8(0);
    for (const std::uint8_t byte : uuid.bytes) writer.u8(has_gtids_ ? byte : 0);
    writer.u64(has_gtids_ ? number_ : 0).u8(2).u64(number_ - 1).u64(number_);
    add(has_gtids_ ? event_type::kGtid : event_type::kAnonymousGtid, body);
    query("BEGIN");
  }
  void query(std::string_view sql) {
    std::string body;
    ByteWriter(body).u32(1).u32(0).u8(4).u16(0).u16(0).nul_text("shop").text(sql);
    add(event_type::kQuery, body);
  }
  void add(std::uint8_t type, std::string_view body, std::uint16_t flags = 0) {
    auto head = header(type);
    head.flags = flags;
    const auto size = protocol::kEventHeaderBytes + body.size() + protocol::kEventCrcBytes;
    head.end_position = static_cast<std::uint32_t>(files_.back().bytes.size() + size);
    append(protocol::seal_event(head, body, protocol::ChecksumAlgorithm::kCrc32));
  }

  [[nodiscard]] const std::vector<File>& files() const { return files_; }
  [[nodiscard]] const File& last() const { return files_.back(); }
  [[nodiscard]] const protocol::GtidSet& executed() const { return executed_; }
  // Of the transactions that end at or before an offset of the file with this number.
  [[nodiscard]] protocol::GtidSet executed_before(std::size_t file, std::size_t offset) const {
    protocol::GtidSet set;
    for (const auto& [end, gtid] : ends_) {
      if (end <= std::pair(file, offset)) set.add(gtid);
    }
    return set;
  }
  [[nodiscard]] static std::string name(std::size_t number) {
    std::string digits = std::to_string(number);
    return "binlog." + std::string(6 - digits.size(), '0') + digits;
  }

 private:
  protocol::EventHeader header(std::uint8_t type) const {
    protocol::EventHeader head;
    head.timestamp_seconds =
        1'700'000'000U + static_cast<std::uint32_t>(number_) + 1'000'000U * salt_;
    head.type = type;
    head.server_id = 7;
    return head;
  }
  // A FORMAT_DESCRIPTION event comes with end_position 0: put the right one in and seal it again.
  void append(std::string event) {
    File& file = files_.back();
    const auto end = static_cast<std::uint32_t>(file.bytes.size() + event.size());
    std::string position;
    ByteWriter(position).u32(end);
    event.replace(13, 4, position);
    protocol::renew_event_crc(event);
    file.bytes += event;
    file.ends.push_back(file.bytes.size());
  }
  void settle() { files_.back().settled.push_back(files_.back().bytes.size()); }
  [[nodiscard]] protocol::Gtid gtid() const {
    return {{protocol::Uuid::parse(kMakerUuid).value(), ""}, number_};
  }

  const std::uint8_t salt_;
  const bool has_gtids_;
  std::uint64_t number_ = 0;
  std::vector<File> files_;
  protocol::GtidSet executed_;
  std::vector<std::pair<std::pair<std::size_t, std::size_t>, protocol::Gtid>> ends_;
};

}  // namespace tiderelay::tests
