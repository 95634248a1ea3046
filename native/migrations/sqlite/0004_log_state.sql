-- An entry moves the log's state on by itself, so that a single statement is all that publishing takes.
CREATE TRIGGER log_moved_on AFTER INSERT ON log BEGIN
    UPDATE log_state SET last_seq = NEW.seq WHERE last_seq < NEW.seq;
END;
