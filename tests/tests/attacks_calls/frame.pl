# Sends a SYN as a frame on the loopback device, past what is attached to leaving packets, and prints the answer: SYN-ACK,
# RST, or none. Needs CAP_NET_RAW.
use strict; use Socket qw(:all);
my ($from, $port) = @ARGV;
my ($address, $device) = (inet_aton("127.0.0.1"), 1);
my $sum = sub {
    my $bytes = $_[0] . (length($_[0]) % 2 ? "\0" : "");
    my $sum = unpack("%32n*", $bytes);
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    ~$sum & 0xffff;
};
my $header = sub { pack("CCnnnCCn", 0x45, 0, 40, 1, 0, 64, 6, $_[0]) . $address . $address };
my $segment = sub { pack("nnNNCCnnn", $from, $port, 0x12345678, 0, 0x50, 2, 0xffff, $_[0], 0) };
my $pseudo = $address . $address . pack("CCn", 0, 6, 20);
my $frame = ("\0" x 12) . pack("n", 0x0800) . $header->($sum->($header->(0))) . $segment->($sum->($pseudo . $segment->(0)));

socket(my $ears, AF_INET, SOCK_RAW, 6) or die "raw socket: $!";
socket(my $mouth, 17, SOCK_RAW, 0) or die "AF_PACKET: $!";
setsockopt($mouth, 263, 20, pack("i", 1)) or die "PACKET_QDISC_BYPASS: $!";
send($mouth, $frame, 0, pack("SnlSCCa8", 17, 0x0800, $device, 0, 0, 6, "")) or die "send: $!";
my $answer = "none";
my $until = time + 2;
while (time < $until) {
    my $ready = "";
    vec($ready, fileno($ears), 1) = 1;
    next if !select($ready, undef, undef, 0.3);
    recv($ears, my $packet, 256, 0);
    my ($source, $target, $flags) = unpack("x20 nn x9 C", $packet);
    next if $source != $port || $target != $from;
    $answer = "SYN-ACK", last if ($flags & 0x12) == 0x12;
    $answer = "RST", last if $flags & 4;
}
print "$answer\n";
