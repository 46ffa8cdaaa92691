#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libpb from Python: what an application developer does first."""
import unittest

import gi

gi.require_version('Pb', '1.0')
from gi.repository import GLib, GObject, Pb  # noqa: E402

NOW = 1795374000


class Introspection(unittest.TestCase):
    def assert_error(self, code, call, *args):
        with self.assertRaises(GLib.Error) as caught:
            call(*args)
        self.assertTrue(caught.exception.matches(Pb.error_quark(), code),
                        caught.exception.message)
        return caught.exception.message

    def setUp(self):
        self.keyring = Pb.Keyring.new(Pb.Keyring.generate_secret())

    def mint(self, expires=NOW + 60):
        return Pb.Token.new('demo', Pb.Role.PEER, 'cam-wide',
                            Pb.Direction.SEND | Pb.Direction.RECEIVE, expires)

    def test_a_token_is_minted_and_verified(self):
        text = self.keyring.sign(self.mint())
        self.assertTrue(text.startswith('p_'))
        token = self.keyring.verify(text, NOW)
        self.assertEqual(token.get_session(), 'demo')
        self.assertEqual(token.get_stream(), 'cam-wide')
        self.assertEqual(token.get_role(), Pb.Role.PEER)
        self.assertEqual(token.get_directions(),
                         Pb.Direction.SEND | Pb.Direction.RECEIVE)
        self.assertEqual(token.get_expires(), NOW + 60)
        self.assertEqual(len(token.get_id()), 16)

    def test_a_token_that_is_not_good_is_refused(self):
        text = self.keyring.sign(self.mint(NOW))
        self.assert_error(Pb.Error.TOKEN_EXPIRED, self.keyring.verify, text,
                          NOW)
        other = Pb.Keyring.new('x' * 64)
        self.assert_error(Pb.Error.TOKEN_INVALID, other.verify, text, NOW - 1)
        self.assert_error(Pb.Error.INVALID, Pb.Keyring.new, 'short')

    def test_a_permission_is_asked(self):
        token = self.mint()
        self.assertTrue(Pb.permit(token, Pb.Action.SEND, 'demo', 'cam-wide'))
        self.assert_error(Pb.Error.DENIED, Pb.permit, token,
                          Pb.Action.TALLY_SET, 'demo', 'cam-wide')

    def test_a_message_is_read(self):
        text = b'{"type":"tally","stream":"cam-wide","state":"program"}'
        message = Pb.Message.parse(text, Pb.MessageWay.TO_PEER)
        self.assertEqual(message.get_message_type(), Pb.MessageType.TALLY)
        self.assertEqual(message.get_string('state'), 'program')
        self.assertIsNone(message.get_string('nothing'))
        self.assertEqual(message.peek_object().get_string_member('stream'),
                         'cam-wide')

    def test_a_message_is_written(self):
        message = Pb.Message.new(Pb.MessageType.HEALTH)
        message.set_string('peer', 'Ab3dEf9hIj2kLm4n')
        message.set_double('rtt', 2.5)
        self.assertTrue(message.check(Pb.MessageWay.TO_SERVER))
        self.assertEqual(
            message.print_(),  # PyGObject spares Python 2
            '{"type":"health","peer":"Ab3dEf9hIj2kLm4n","rtt":2.5}')

    def test_a_broken_message_says_which_field(self):
        said = self.assert_error(
            Pb.Error.INVALID, Pb.Message.parse,
            b'{"type":"register","port":80}', Pb.MessageWay.TO_SERVER)
        self.assertEqual(said, 'register: port must be 1024 to 65535')
        self.assert_error(Pb.Error.NOT_FOUND, Pb.Message.parse,
                          b'{"type":"newer"}', Pb.MessageWay.TO_PEER)

    def test_strict_json(self):
        node = Pb.json_parse(b'{"a":[1,2]}')
        self.assertEqual(Pb.json_print(node), '{"a":[1,2]}')
        self.assertTrue(Pb.json_check(b'[]'))
        self.assert_error(Pb.Error.INVALID, Pb.json_check, b'{"a":1,"a":2}')

    def test_enums_have_the_names_of_the_wire(self):
        self.assertEqual(Pb.MessageType.PEER_GONE.value_nick, 'peer_gone')
        self.assertEqual(Pb.message_type_get_name(Pb.MessageType.PEER_GONE),
                         'peer_gone')
        self.assertEqual(Pb.Fault.UDP_BLOCKED.value_nick, 'udp-blocked')
        self.assertEqual(GObject.type_name(Pb.Message), 'PbMessage')

    def test_a_session_takes_its_edges(self):
        session = Pb.Session.new('demo', ['cam-wide'], 200, 1800,
                                 Pb.Cipher.AES_256, NOW)
        seen = []
        session.connect('state-changed', lambda _, *change: seen.append(change))
        session.feed('cam-wide', Pb.Event.MATCHED)
        self.assertEqual(session.get_state(), Pb.State.READY)
        self.assertEqual(seen, [('cam-wide', Pb.State.WAITING,
                                 Pb.State.READY)])
        self.assert_error(Pb.Error.STATE, session.feed, 'cam-wide',
                          Pb.Event.MATCHED)


if __name__ == '__main__':
    unittest.main()
