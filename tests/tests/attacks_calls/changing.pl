# Connects to an address that another process changes all the time, between a permitted port and another one. Prints how
# often connect() was let, how often not, and how often it went to the other port. The numbers of calls are x86-64's.
use strict; use Socket qw(:all);
my ($permitted, $other, $seconds) = @ARGV;
my $name = sub { pack_sockaddr_in($_[0], inet_aton("127.0.0.1")) };
open(my $names, "+>", undef) or die "a file: $!";
syswrite($names, $name->($permitted) . $name->($other));
# Shared and anonymous: the kernel reads it at each call.
my $at = syscall(9, 0, 4096, 3, 0x21, -1, 0);
die "mmap: $!" if $at == -1;
my $changer = fork;
if (!$changer) {
    my $until = time + $seconds + 1;
    while (time < $until) {
        # pread64() of 16 bytes into the very memory.
        for my $offset ((0, 16) x 500) { syscall(17, fileno($names), $at, 16, $offset); }
    }
    exit 0;
}
my ($let, $refused, $went) = (0, 0, 0);
my $until = time + $seconds;
while (time < $until && $let < 2000) {
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    setsockopt($socket, SOL_SOCKET, SO_SNDTIMEO, pack("qq", 1, 500_000)) or die "setsockopt: $!";
    if (syscall(42, fileno($socket), $at, 16) == 0) {
        $let++;
        my ($port) = unpack_sockaddr_in(getpeername($socket) || $name->($permitted));
        $went++ if $port != $permitted;
    } elsif ($!{EPERM}) {
        $refused++;
    } elsif (!$!{EAFNOSUPPORT}) {
        # Half a name is no address.
        die "connect: $!";
    }
}
kill 9, $changer;
waitpid($changer, 0);
print "$let $refused $went\n";
