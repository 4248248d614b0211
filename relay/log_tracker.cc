// relay/log_tracker.cc: one event after the other, checked and folded.
#include "relay/log_tracker.h"

#include <algorithm>

#include "base/check.h"
#include "protocol/control_events.h"
#include "protocol/gtid_event.h"

namespace tiderelay::relay {

namespace event_type = protocol::event_type;
using protocol::kEventHeaderBytes;

namespace {

// Lists of GTIDs are kept whole; nobody has one of this size.
constexpr std::size_t kMaxGtidListBytes = 256U << 20;

}  // namespace

void LogTracker::begin_file() {
  grammar_.reset();
  format_.reset();
  head_.reset();
  end_bytes_ = boundary_bytes_ = mark_bytes_ = 4;
  last_begin_bytes_ = open_begin_bytes_ = 0;
  gtids_since_mark_ = GtidState();
  marks_.clear();
  event_bytes_ = 0;
  file_is_complete_ = false;
}

void LogTracker::resume(const protocol::FormatDescription& format, const IndexHead& head,
                        const IndexMark& mark, GtidState gtids) {
  begin_file();
  head_ = head;
  format_ = format;
  grammar_.set_format(format);
  end_bytes_ = boundary_bytes_ = mark_bytes_ = mark.end_bytes;
  last_begin_bytes_ = mark.begin_bytes;
  timestamp_seconds_ = mark.timestamp_seconds;
  gtids_ = std::move(gtids);
}

void LogTracker::drop_open() {
  grammar_.reset();
  end_bytes_ = boundary_bytes_;
  event_bytes_ = 0;
  open_gtid_.reset();
  open_maria_gtid_.reset();
}

void LogTracker::abandon_open() {
  boundary_bytes_ = end_bytes_;
  drop_open();
}

Result<void> LogTracker::add(ByteView piece, bool first, bool last) {
  CHECK(first == (event_bytes_ == 0), "pieces of two events are mixed");
  whole_ = first && last ? piece : ByteView();
  if (first) {
    if (const auto started = start_event(piece); !started) return started.error();
  } else {
    checksum_.add(piece);
    const std::size_t wanted_bytes = kEventHeaderBytes + wanted_body_bytes();
    if (head_bytes_.size() < wanted_bytes) {
      head_bytes_ +=
          as_text(piece.first(std::min(piece.size(), wanted_bytes - head_bytes_.size())));
    }
  }
  event_bytes_ += piece.size();
  if (event_bytes_ > header_.event_size_bytes ||
      (last && event_bytes_ < header_.event_size_bytes)) {
    return Error(Errc::kCorrupt, event_name() + " says it has " +
                                     std::to_string(header_.event_size_bytes) + " bytes, but " +
                                     std::to_string(event_bytes_) + " came");
  }
  if (!last) return {};
  return end_event();
}

Result<void> LogTracker::start_event(ByteView piece) {
  if (piece.size() < kEventHeaderBytes) {
    return Error(Errc::kCorrupt, "an event of " + std::to_string(piece.size()) +
                                     " bytes is shorter than its header");
  }
  header_ = protocol::load_event_header(piece);
  const ByteView body = piece.subspan(kEventHeaderBytes);
  checksum_.start(piece.first(kEventHeaderBytes));
  checksum_.add(body);
  if (!format_ && header_.type != event_type::kFormatDescription) {
    return Error(Errc::kCorrupt,
                 "the file begins with " + event_name() + " instead of FORMAT_DESCRIPTION");
  }
  if (header_.type == event_type::kFormatDescription && end_bytes_ != 4) {
    return Error(Errc::kCorrupt, event_name() + " in the middle of a file");
  }
  head_bytes_.clear();
  if (whole_.empty()) {
    head_bytes_ =
        as_text(piece.first(kEventHeaderBytes + std::min(body.size(), wanted_body_bytes())));
  }
  return {};
}

std::size_t LogTracker::wanted_body_bytes() const {
  switch (header_.type) {
    case event_type::kFormatDescription:
    case event_type::kGtid:
    case event_type::kAnonymousGtid:
    case event_type::kGtidTagged:
    case event_type::kMariaGtid:
      return protocol::kBoundaryPrefixBytes;
    case event_type::kPreviousGtids:
    case event_type::kMariaGtidList:
      return kMaxGtidListBytes;
    default:
      return protocol::boundary_prefix_bytes(header_);
  }
}

Result<void> LogTracker::end_event() {
  const ByteView event = whole_.empty() ? as_bytes(head_bytes_) : whole_;
  event_bytes_ = 0;
  if (header_.type == event_type::kFormatDescription) {
    auto format = protocol::decode_format_description(event);
    if (!format) return format.error();
    format_ = std::move(*format);
    grammar_.set_format(*format_);
  } else if (const auto good = check_checksum(); !good) {
    return good.error();
  }
  const std::uint64_t begin_bytes = end_bytes_;
  const std::uint64_t end_bytes = end_bytes_ + header_.event_size_bytes;
  if (header_.end_position != 0 && header_.end_position != (end_bytes & 0xffffffff)) {
    return Error(Errc::kCorrupt, event_name() + " says it ends at " +
                                     std::to_string(header_.end_position) +
                                     ", but in the file it ends at " + std::to_string(end_bytes));
  }
  ByteView body = event.subspan(kEventHeaderBytes);
  const std::size_t body_bytes =
      header_.event_size_bytes - kEventHeaderBytes - format_->crc_bytes();
  body = body.first(std::min(body.size(), body_bytes));
  const auto verdict = grammar_.feed(header_, body);
  if (!verdict) return verdict.error();
  if (verdict->starts) open_begin_bytes_ = begin_bytes;
  // Servers without GTIDs list none in front of the file: what was known before it goes on.
  if (verdict->starts && !head_) head_ = IndexHead{header_.timestamp_seconds, "", gtids_};
  if (const auto seen = look_inside(body); !seen) return seen.error();
  end_bytes_ = end_bytes;
  if (verdict->ends) end_transaction();
  if (grammar_.between_transactions()) boundary_bytes_ = end_bytes_;
  file_is_complete_ = header_.type == event_type::kRotate || header_.type == event_type::kStop;
  if (verdict->ends && boundary_bytes_ >= mark_bytes_ + mark_interval_bytes_) make_mark(false);
  return {};
}

Result<void> LogTracker::check_checksum() const {
  if (header_.event_size_bytes < kEventHeaderBytes + format_->crc_bytes()) {
    return Error(Errc::kCorrupt, event_name() + " is shorter than its checksum");
  }
  if (format_->checksum == protocol::ChecksumAlgorithm::kNone) return {};
  if (!checksum_.matches()) {
    return Error(Errc::kCorrupt, event_name() + " does not match its checksum");
  }
  return {};
}

Result<void> LogTracker::look_inside(ByteView body) {
  const protocol::EventView event{header_, body};
  switch (header_.type) {
    case event_type::kGtid:
    case event_type::kGtidTagged: {
      const auto gtid = protocol::decode_gtid_event(event);
      if (!gtid) return gtid.error();
      open_gtid_ = gtid->gtid;
      return {};
    }
    case event_type::kMariaGtid: {
      const auto gtid = protocol::decode_maria_gtid_event(event);
      if (!gtid) return gtid.error();
      open_maria_gtid_ = gtid->gtid;
      return {};
    }
    case event_type::kPreviousGtids: {
      const auto set = protocol::decode_previous_gtids(event);
      if (!set) return set.error();
      gtids_ = GtidState();
      gtids_.add(*set);
      break;
    }
    case event_type::kMariaGtidList: {
      const auto list = protocol::decode_maria_gtid_list(event);
      if (!list) return list.error();
      gtids_ = GtidState();
      for (const protocol::MariaGtid& gtid : list->gtids()) gtids_.add(gtid);
      break;
    }
    default:
      return {};
  }
  if (!head_) head_ = IndexHead{header_.timestamp_seconds, "", gtids_};
  return {};
}

void LogTracker::end_transaction() {
  ++transactions_;
  last_begin_bytes_ = open_begin_bytes_;
  timestamp_seconds_ = header_.timestamp_seconds;
  if (open_gtid_) {
    gtids_.add(*open_gtid_);
    gtids_since_mark_.add(*open_gtid_);
  }
  if (open_maria_gtid_) {
    gtids_.add(*open_maria_gtid_);
    gtids_since_mark_.add(*open_maria_gtid_);
  }
  open_gtid_.reset();
  open_maria_gtid_.reset();
}

void LogTracker::make_mark(bool sealed) {
  IndexMark mark;
  mark.end_bytes = boundary_bytes_;
  mark.begin_bytes = last_begin_bytes_;
  mark.timestamp_seconds = timestamp_seconds_;
  mark.gtids = std::move(gtids_since_mark_);
  mark.sealed = sealed;
  gtids_since_mark_ = GtidState();
  mark_bytes_ = boundary_bytes_;
  marks_.push_back(std::move(mark));
}

std::vector<IndexMark> LogTracker::take_marks() { return std::exchange(marks_, {}); }

IndexMark LogTracker::final_mark() {
  make_mark(true);
  IndexMark mark = std::move(marks_.back());
  marks_.pop_back();
  return mark;
}

std::string LogTracker::event_name() const {
  return "the " + protocol::event_type_name(header_.type) + " event at " +
         std::to_string(end_bytes_);
}

}  // namespace tiderelay::relay
