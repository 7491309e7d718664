# Makes one call through io_uring, and prints "0", or the number of the error. The numbers of read() and mmap() are
# x86-64's, the others linux/io_uring.h's.
#   perl -e … HOW socket KIND PROTOCOL | connect ADDRESS PORT | send ADDRESS PORT | bind ADDRESS PORT; HOW is inline or worker
use strict; use Socket qw(:all);
my ($how, $call, @arguments) = @ARGV;
$SIG{ALRM} = sub { die "no answer" };
alarm 5;
my $memory = sub { my ($at, $length) = @_; unpack("P$length", pack("Q", $at)) };
pipe(my $out, my $in) or die "pipe: $!";
my $store = sub {
    my ($at, $bytes) = @_;
    syswrite($in, $bytes) == length $bytes or die "write: $!";
    syscall(0, fileno($out), $at, length $bytes) == length $bytes or die "read: $!";
};

my $parameters = "\0" x 120;
my $ring = syscall(425, 4, $parameters);
exit !print("no io_uring\n") if $ring < 0;
my (undef, $completions) = unpack("LL", $parameters);
my ($head, $tail, $mask, undef, undef, undef, $array) = unpack("x40 L7", $parameters);
my ($done_head, $done_tail, $done_mask, undef, undef, $entries) = unpack("x80 L6", $parameters);
my $rings = syscall(9, 0, $entries + 16 * $completions, 3, 0x8001, $ring, 0);
my $requests = syscall(9, 0, 4 * 64, 3, 0x8001, $ring, 0x10000000);
die "mmap: $!" if $rings == -1 || $requests == -1;

# Operation, descriptor, off (or addr2), addr, len, and what follows the flags: user data, and the length of addr2.
my ($operation, $descriptor, $off, $address, $length, $second) = (0) x 6;
my ($socket, $name) = (undef, "");
if ($call eq "socket") {
    ($operation, $descriptor, $off, $length) = (45, AF_INET, @arguments);
} else {
    $name = pack_sockaddr_in($arguments[1], inet_aton($arguments[0]));
    socket($socket, AF_INET, $call eq "send" ? SOCK_DGRAM : SOCK_STREAM, 0) or die "socket: $!";
    $descriptor = fileno($socket);
    my $at = unpack("Q", pack("p", $name));
    my $text = "hello";
    ($operation, $address, $off) = (16, $at, 16) if $call eq "connect";
    ($operation, $address, $off) = (56, $at, 16) if $call eq "bind";
    ($operation, $address, $length, $off, $second) = (26, unpack("Q", pack("p", $text)), 5, $at, 16) if $call eq "send";
}
my $flags = $how eq "worker" ? 16 : 0;
my $request = pack("CCSlQQLLQSSSSQQ", $operation, $flags, 0, $descriptor, $off, $address, $length, 0, 7, 0, 0, $second, 0, 0, 0);
die "a request has 64 bytes, not " . length $request if length $request != 64;
$store->($requests, $request);
$store->($rings + $array, pack("L", 0));
$store->($rings + $tail, pack("L", 1));
syscall(426, $ring, 1, 1, 1, 0, 0) == 1 or die "io_uring_enter: $!";
my ($data, $result) = unpack("Ql", $memory->($rings + $entries, 16));
die "no answer" if $data != 7;
print $result < 0 ? -$result : 0, "\n";
