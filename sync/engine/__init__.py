"""The decisions: match, detect, merge, plan, guard, explain. Pure: values in, values out."""
