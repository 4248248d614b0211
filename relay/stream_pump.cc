// relay/stream_pump.cc: what a Connection reads and sends without holding it whole: rows, the file
// of LOAD DATA LOCAL, binlog events. See connection.h.
#include <utility>

#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "protocol/packet_writer.h"
#include "relay/connection_impl.h"

namespace tiderelay::relay {

using Kind = protocol::ResponseReader::Kind;

// ---- streamed rows

Result<bool> Connection::Impl::take_columns(std::vector<ColumnInfo>& columns) {
  for (;;) {
    const auto packet = reader.next_packet();
    if (!packet) return packet.error();
    if (!*packet) return false;
    const Result<Kind> kind = response.next(**packet);
    if (!kind) return kind.error();
    if (*kind == Kind::kColumn) columns.push_back(info_of(response.column()));
    if (*kind == Kind::kError) stream_error = refused(response.error());
    file_wanted = *kind == Kind::kInfile;
    if (file_wanted || response.answered()) return true;
    if (response.in_rows()) {
      streaming = true;
      return true;
    }
  }
}

Awaitable<std::vector<ColumnInfo>> Connection::stream(std::string sql) {
  Impl& impl = *impl_;
  const Result<void> sent = co_await send(std::move(sql));
  if (!sent) co_return sent.error();
  std::vector<ColumnInfo> columns;
  impl.begin_answer();
  impl.stream_error.reset();
  impl.draining = false;
  for (;;) {
    const Result<bool> complete = impl.take_columns(columns);
    if (!complete) co_return impl.broken(complete.error());
    if (impl.file_wanted) {
      co_return impl.broken(Error(Errc::kCorrupt, "a file is wanted where rows were expected"));
    }
    if (*complete) break;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
  if (impl.stream_error) co_return *std::exchange(impl.stream_error, std::nullopt);
  co_return columns;
}

// True: the end was seen. The row views stay valid: nothing here moves the buffer, and a batch ends
// with a row that was joined elsewhere.
Result<bool> Connection::Impl::take_rows() {
  for (;;) {
    const auto packet = reader.next_packet();
    if (!packet) return packet.error();
    if (!*packet) return false;
    if (response.in_rows() && response.is_row(**packet)) {
      if (draining) continue;
      rows.push_back(**packet);
      if (reader.gave_joined()) return false;
      continue;
    }
    const Result<Kind> kind = response.next(**packet);
    if (!kind) return kind.error();
    if (*kind == Kind::kError) stream_error = refused(response.error());
    if (*kind == Kind::kInfile) return Error(Errc::kCorrupt, "a file is wanted behind the rows");
    if (response.answered()) return true;
    draining = true;
  }
}

Awaitable<std::span<const ByteView>> Connection::next_rows() {
  Impl& impl = *impl_;
  impl.rows.clear();
  while (impl.streaming && impl.rows.empty()) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    const Result<bool> ended = impl.take_rows();
    if (!ended) co_return impl.broken(ended.error());
    impl.streaming = !*ended;
    if (*ended || !impl.rows.empty()) break;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
  if (impl.rows.empty() && impl.stream_error) {
    co_return *std::exchange(impl.stream_error, std::nullopt);
  }
  co_return std::span<const ByteView>(impl.rows);
}

// ---- files

void Connection::Impl::start_file() {
  file_wanted = false;
  file_sequence = reader.sequence();
  if (compressor) compressor->start(decompressor->sequence());
}

Awaitable<void> Connection::Impl::send_block(std::string_view block) {
  if (block.empty()) co_return Result<void>();  // an empty packet would end the file
  const auto frames = block.size() / protocol::kMaxFrameBytes + 1;
  const Result<void> sent = co_await send_packet(block, file_sequence);
  file_sequence = static_cast<std::uint8_t>(file_sequence + frames);
  co_return sent;
}

Awaitable<void> Connection::Impl::end_file() {
  const Result<void> ended = co_await send_packet(std::string_view(), file_sequence);
  reader.expect_sequence(static_cast<std::uint8_t>(file_sequence + 1));
  co_return ended;
}

Awaitable<void> Connection::load_begin(std::string sql) {
  Impl& impl = *impl_;
  const Result<void> sent = co_await send(std::move(sql));
  if (!sent) co_return sent.error();
  impl.load_outcome = QueryOutcome();
  impl.begin_answer();
  for (;;) {
    const Result<bool> complete = impl.take_answer(impl.load_outcome);
    if (!complete) co_return impl.broken(complete.error());
    if (impl.file_wanted) break;
    if (*complete) {
      if (impl.load_outcome.error) co_return *impl.load_outcome.error;
      co_return impl.broken(Error(Errc::kCorrupt, "the statement was to want a file"));
    }
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
  impl.start_file();
  co_return Result<void>();
}

Awaitable<void> Connection::load_block(ByteView block) {
  if (!impl_->ready) co_return impl_->not_open();
  const Result<void> sent = co_await impl_->send_block(as_text(block));
  co_return sent;
}

Awaitable<StatementResult> Connection::load_end() {
  Impl& impl = *impl_;
  if (!impl.ready) co_return impl.not_open();
  const Result<void> ended = co_await impl.end_file();
  if (!ended) co_return ended.error();
  for (;;) {
    const Result<bool> complete = impl.take_answer(impl.load_outcome);
    if (!complete) co_return impl.broken(complete.error());
    if (impl.file_wanted) {  // a second statement of the packet: it gets an empty file
      impl.start_file();
      const Result<void> empty = co_await impl.end_file();
      if (!empty) co_return empty.error();
      continue;
    }
    if (*complete) break;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
  if (impl.load_outcome.error) co_return *impl.load_outcome.error;
  co_return std::move(impl.load_outcome.results.front());
}

Awaitable<StatementResult> Connection::load_local(std::string sql, BlockSource next_block) {
  const Result<void> begun = co_await load_begin(std::move(sql));
  if (!begun) co_return begun.error();
  std::string block;
  for (bool more = true; more;) {
    block.clear();
    more = next_block(block);
    const Result<void> sent = co_await impl_->send_block(block);
    if (!sent) co_return sent.error();
  }
  Result<StatementResult> loaded = co_await load_end();
  co_return loaded;
}

// ---- packets as they are

Awaitable<void> Connection::send_command(std::string payload) {
  const auto code = payload.empty() ? 0 : static_cast<std::uint8_t>(payload.front());
  // A dump counts on from the command's id; semi-sync starts anew at each acknowledgement.
  if (code == protocol::kComBinlogDump || code == protocol::kComBinlogDumpGtid) {
    impl_->reader.check_sequence(false);
  }
  const Result<void> sent = co_await impl_->send_command(std::move(payload));
  if (!sent) co_return sent.error();
  impl_->reader.expect_sequence(impl_->due.back());
  impl_->due.pop_back();
  co_return Result<void>();
}

Awaitable<ByteView> Connection::read_packet() {
  Impl& impl = *impl_;
  for (;;) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    const auto packet = impl.reader.next_packet();
    if (!packet) co_return impl.broken(packet.error());
    if (*packet) co_return **packet;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
}

Awaitable<Connection::Piece> Connection::read_piece() {
  Impl& impl = *impl_;
  for (;;) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    const auto piece = impl.reader.next_piece();
    if (!piece) co_return impl.broken(piece.error());
    if (*piece) co_return **piece;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
}

Awaitable<std::span<const Connection::Piece>> Connection::read_pieces() {
  Impl& impl = *impl_;
  for (;;) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    impl.pieces.clear();
    const Result<void> taken = impl.reader.next_pieces(impl.pieces);
    if (!taken && impl.pieces.empty()) co_return impl.broken(taken.error());
    if (!impl.pieces.empty()) co_return std::span<const Piece>(impl.pieces);
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
}

Awaitable<void> Connection::send_beside(std::string payload) {
  if (!impl_->ready) co_return impl_->not_open();
  if (impl_->compressor) co_return Error(Errc::kUnsupported, "semi-sync over compression");
  std::string framed;
  std::uint8_t sequence = 0;
  protocol::append_packet(framed, sequence, payload);
  const Result<void> sent = co_await impl_->transport->write_whenever(as_bytes(framed));
  co_return sent;
}

Awaitable<void> Connection::quit() {
  Impl& impl = *impl_;
  Result<void> sent = Result<void>();
  if (impl.ready) {
    sent = co_await impl.send_command(protocol::encode_command(protocol::kComQuit));
  }
  close();
  co_return sent;
}

}  // namespace tiderelay::relay
